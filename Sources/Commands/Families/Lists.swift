// Lists: the rows. The code is in Lists+Ends, Lists+Elements, Lists+Moves and Lists+Storage.
internal import Bytes
internal import RESP
internal import Store

/// The commands on lists.
enum Lists {
    static let table: [CommandSpec] = ends + elements + moves + blocking

    private static let pushComplexity: StaticString = """
        O(1) for each element added, so O(N) to add N elements when the command is called with \
        multiple arguments.
        """

    private static let ends: [CommandSpec] = [
        CommandSpec(
            name: "lpush", since: "1.0.0", group: .list, complexity: pushComplexity, arity: -3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.list],
            keys: [.one([.readWrite, .insert])], syntax: "key element [element ...]",
            summary: """
                Prepends one or more elements to a list. Creates the key if it doesn't exist.
                """,
            handler: pushFirst),
        CommandSpec(
            name: "rpush", since: "1.0.0", group: .list, complexity: pushComplexity, arity: -3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.list],
            keys: [.one([.readWrite, .insert])], syntax: "key element [element ...]",
            summary: """
                Appends one or more elements to a list. Creates the key if it doesn't exist.
                """,
            handler: pushLast),
        CommandSpec(
            name: "lpushx", since: "2.2.0", group: .list, complexity: pushComplexity, arity: -3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.list],
            keys: [.one([.readWrite, .insert])], syntax: "key element [element ...]",
            summary: "Prepends one or more elements to a list only when the list exists.",
            handler: pushFirstIfExists),
        CommandSpec(
            name: "rpushx", since: "2.2.0", group: .list, complexity: pushComplexity, arity: -3,
            flags: [.write, .denyOutOfMemory, .fast], categories: [.list],
            keys: [.one([.readWrite, .insert])], syntax: "key element [element ...]",
            summary: "Appends an element to a list only when the list exists.",
            handler: pushLastIfExists),
        CommandSpec(
            name: "lpop", since: "1.0.0", group: .list,
            complexity: "O(N) where N is the number of elements returned", arity: -2,
            flags: [.write, .fast], categories: [.list],
            keys: [.one([.readWrite, .access, .delete])], syntax: "key [count]",
            summary: """
                Returns the first elements in a list after removing it. Deletes the list if the \
                last element was popped.
                """,
            handler: popFirst),
        CommandSpec(
            name: "rpop", since: "1.0.0", group: .list,
            complexity: "O(N) where N is the number of elements returned", arity: -2,
            flags: [.write, .fast], categories: [.list],
            keys: [.one([.readWrite, .access, .delete])], syntax: "key [count]",
            summary: """
                Returns and removes the last elements of a list. Deletes the list if the last \
                element was popped.
                """,
            handler: popLast),
        CommandSpec(
            name: "llen", since: "1.0.0", group: .list, arity: 2, flags: [.readOnly, .fast],
            categories: [.list], keys: [.one([.readOnly])], syntax: "key",
            summary: "Returns the length of a list.", handler: length),
    ]

    private static let elements: [CommandSpec] = [
        CommandSpec(
            name: "lindex", since: "1.0.0", group: .list,
            complexity: """
                O(N) where N is the number of elements to traverse to get to the element at \
                index. This makes asking for the first or the last element of the list O(1).
                """,
            arity: 3, flags: [.readOnly, .measuredInBatch], categories: [.list],
            keys: [.one([.readOnly, .access])], syntax: "key index",
            summary: "Returns an element from a list by its index.", handler: index),
        CommandSpec(
            name: "lset", since: "1.0.0", group: .list,
            complexity: """
                O(N) where N is the length of the list. Setting either the first or the last \
                element of the list is O(1).
                """,
            arity: 4, flags: [.write, .denyOutOfMemory, .measuredInBatch], categories: [.list],
            keys: [.one([.readWrite, .update])], syntax: "key index element",
            summary: "Sets the value of an element in a list by its index.", handler: set),
        CommandSpec(
            name: "linsert", since: "2.2.0", group: .list,
            complexity: """
                O(N) where N is the number of elements to traverse before seeing the value \
                pivot. This means that inserting somewhere on the left end on the list (head) \
                can be considered O(1) and inserting somewhere on the right end (tail) is O(N).
                """,
            arity: 5, flags: [.write, .denyOutOfMemory], categories: [.list],
            keys: [.one([.readWrite, .insert])], syntax: "key <BEFORE | AFTER> pivot element",
            summary: "Inserts an element before or after another element in a list.",
            handler: insert),
        CommandSpec(
            name: "lrange", since: "1.0.0", group: .list,
            complexity: """
                O(S+N) where S is the distance of start offset from HEAD for small lists, from \
                nearest end (HEAD or TAIL) for large lists; and N is the number of elements in \
                the specified range.
                """,
            arity: 4, flags: [.readOnly], categories: [.list],
            keys: [.one([.readOnly, .access])], syntax: "key start stop",
            summary: "Returns a range of elements from a list.", handler: range),
        CommandSpec(
            name: "ltrim", since: "1.0.0", group: .list,
            complexity: "O(N) where N is the number of elements to be removed by the operation.",
            arity: 4, flags: [.write], categories: [.list],
            keys: [.one([.readWrite, .delete])], syntax: "key start stop",
            summary: """
                Removes elements from both ends a list. Deletes the list if all elements were \
                trimmed.
                """,
            handler: trim),
        CommandSpec(
            name: "lrem", since: "1.0.0", group: .list,
            complexity: """
                O(N+M) where N is the length of the list and M is the number of elements removed.
                """,
            arity: 4, flags: [.write], categories: [.list],
            keys: [.one([.readWrite, .delete])], syntax: "key count element",
            summary: """
                Removes elements from a list. Deletes the list if the last element was removed.
                """,
            handler: remove),
        CommandSpec(
            name: "lpos", since: "6.0.6", group: .list,
            complexity: """
                O(N) where N is the number of elements in the list, for the average case. When \
                searching for elements near the head or the tail of the list, or when the \
                MAXLEN option is provided, the command may run in constant time.
                """,
            arity: -3, flags: [.readOnly], categories: [.list],
            keys: [.one([.readOnly, .access])],
            syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
            summary: "Returns the index of matching elements in a list.", handler: position),
    ]

    private static let moves: [CommandSpec] = [
        CommandSpec(
            name: "lmove", since: "6.2.0", group: .list, arity: 5,
            flags: [.write, .denyOutOfMemory, .measuredInBatch], categories: [.list],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.readWrite, .insert]),
            ], syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
            summary: """
                Returns an element after popping it from one list and pushing it to another. \
                Deletes the list if the last element was moved.
                """,
            handler: move),
        CommandSpec(
            name: "rpoplpush", since: "1.2.0", group: .list, arity: 3,
            flags: [.write, .denyOutOfMemory, .measuredInBatch], categories: [.list],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.readWrite, .insert]),
            ], syntax: "source destination",
            summary: """
                Returns the last element of a list after removing and pushing it to another \
                list. Deletes the list if the last element was popped.
                """,
            replacedBy: ("6.2.0", "`LMOVE` with the `RIGHT` and `LEFT` arguments"),
            handler: moveLastFirst),
        CommandSpec(
            name: "lmpop", since: "7.0.0", group: .list,
            complexity: """
                O(N+M) where N is the number of provided keys and M is the number of elements \
                returned.
                """,
            arity: -4, flags: [.write, .movableKeys], categories: [.list],
            keys: [.count(at: 1, first: 2, [.readWrite, .access, .delete])],
            syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
            summary: """
                Returns multiple elements from a list after removing them. Deletes the list if \
                the last element was popped.
                """,
            handler: popMany),
    ]

    private static let blocking: [CommandSpec] = [
        CommandSpec(
            name: "blpop", since: "2.0.0", group: .list,
            complexity: "O(N) where N is the number of provided keys.", arity: -3,
            flags: [.write, .blocking], categories: [.list],
            keys: [.range(first: 1, last: -2, step: 1, [.readWrite, .access, .delete])],
            syntax: "key [key ...] timeout",
            summary: """
                Removes and returns the first element in a list. Blocks until an element is \
                available otherwise. Deletes the list if the last element was popped.
                """,
            handler: awaitFirst),
        CommandSpec(
            name: "brpop", since: "2.0.0", group: .list,
            complexity: "O(N) where N is the number of provided keys.", arity: -3,
            flags: [.write, .blocking], categories: [.list],
            keys: [.range(first: 1, last: -2, step: 1, [.readWrite, .access, .delete])],
            syntax: "key [key ...] timeout",
            summary: """
                Removes and returns the last element in a list. Blocks until an element is \
                available otherwise. Deletes the list if the last element was popped.
                """,
            handler: awaitLast),
        CommandSpec(
            name: "blmove", since: "6.2.0", group: .list, arity: 6,
            flags: [.write, .denyOutOfMemory, .blocking], categories: [.list],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.readWrite, .insert]),
            ], syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout",
            summary: """
                Pops an element from a list, pushes it to another list and returns it. Blocks \
                until an element is available otherwise. Deletes the list if the last element \
                was moved.
                """,
            handler: awaitMove),
        CommandSpec(
            name: "brpoplpush", since: "2.2.0", group: .list, arity: 4,
            flags: [.write, .denyOutOfMemory, .blocking], categories: [.list],
            keys: [
                .one([.readWrite, .access, .delete]),
                .range(first: 2, last: 2, step: 1, [.readWrite, .insert]),
            ], syntax: "source destination timeout",
            summary: """
                Pops an element from a list, pushes it to another list and returns it. Block \
                until an element is available otherwise. Deletes the list if the last element \
                was popped.
                """,
            replacedBy: ("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments"),
            handler: awaitMoveLastFirst),
        CommandSpec(
            name: "blmpop", since: "7.0.0", group: .list,
            complexity: """
                O(N+M) where N is the number of provided keys and M is the number of elements \
                returned.
                """,
            arity: -5, flags: [.write, .blocking, .movableKeys], categories: [.list],
            keys: [.count(at: 2, first: 3, [.readWrite, .access, .delete])],
            syntax: "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
            summary: """
                Pops the first element from one of multiple lists. Blocks until an element is \
                available otherwise. Deletes the list if the last element was popped.
                """,
            handler: awaitMany),
    ]
}
