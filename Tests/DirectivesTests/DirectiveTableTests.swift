import Directives
import Testing

@Suite struct DirectiveTableTests {
    @Test func aFileSetsValuesByNameAndAlias() throws {
        var settings = Sample()
        try load(
            """
            # a comment
              PORT 7001
            mem 2mb
            color GREEN
            bind 10.0.0.1 ::1
            secret "a b"
            defrag YES
            """, into: &settings)
        #expect(settings.port == 7001)
        #expect(settings.memory == 2 << 20)
        #expect(settings.colour == .green)
        #expect(settings.addresses == ["10.0.0.1", "::1"])
        #expect(settings.secret == "a b")
        #expect(settings.accepted == ["defrag": "yes"])
    }

    @Test func repeatedLinesAddUpBehindTheFirst() throws {
        var settings = Sample()
        try load("save 900 1\nsave 300 10\n", into: &settings)
        #expect(settings.points == [[900, 1], [300, 10]])
        try load("save ''", into: &settings)
        #expect(settings.points.isEmpty)
        // As Redis writes and reads it, the name alone says the same.
        settings.points = [[900, 1]]
        try load("save \n", into: &settings)
        #expect(settings.points.isEmpty)
    }

    /// What redis-server 7.0.15 makes of each.
    @Test(
        arguments: [
            (["--save", "3600 1"], [[3600, 1]]),
            (["--save", "3600 1 60 100"], [[3600, 1], [60, 100]]),
            (["--save", "3600", "1", "60", "100"], [[3600, 1], [60, 100]]),
            (["--save", "3600 1", "--save", "60 100"], [[3600, 1], [60, 100]]),
            (["--save", "'3600' 1"], [[3600, 1]]),
            (["--save \"3600 1\""], [[3600, 1]]),
            (["--save", ""], []), (["--save", " "], []),
        ] as [([String], [[Int]])])
    func oneArgumentMayHoldSeveralWords(arguments: [String], points: [[Int]]) throws {
        var settings = Sample()
        try load(ConfigCommandLine(arguments).lines, into: &settings)
        #expect(settings.points == points)
        try load(ConfigCommandLine(["--bind", "127.0.0.1 ::1"]).lines, into: &settings)
        #expect(settings.addresses == ["127.0.0.1", "::1"])
    }

    @Test(arguments: [
        ["--save", "3600"], ["--save", "3600 1", "60 100"], ["--save", "'3600"],
        ["--save", "\"3600 1\""], ["--port", "7001 "], ["--secret", "a", "b"],
    ])
    func otherArgumentsStayWhole(arguments: [String]) {
        var settings = Sample()
        #expect(throws: ConfigFileError.self) {
            try load(ConfigCommandLine(arguments).lines, into: &settings)
        }
    }

    @Test func includesAreReadInPlace() throws {
        var settings = Sample()
        try load("port 1\ninclude other.conf\ncolour red\n", into: &settings)
        #expect(settings.port == 7002)
        #expect(settings.colour == .red)
    }

    @Test(arguments: [
        ("port 1\nnonsense 1", 2, "nonsense 1", "Bad directive or wrong number of arguments"),
        ("port", 1, "port", "wrong number of arguments"),
        ("port 1 2", 1, "port 1 2", "wrong number of arguments"),
        ("port x", 1, "port x", "argument couldn't be parsed into an integer"),
        ("port 70000", 1, "port 70000", "argument must be between 0 and 65535 inclusive"),
        ("mem 1x", 1, "mem 1x", "argument must be a memory value"),
        ("busy on", 1, "busy on", "argument must be 'yes' or 'no'"),
        ("colour blue", 1, "colour blue", "argument(s) must be one of the following: red, green"),
        ("secret \"a", 1, "secret \"a", "Unbalanced quotes in configuration line"),
        ("include none.conf", 1, "include none.conf", "can't open 'none.conf'"),
        ("save 1", 1, "save 1", "Invalid save parameters"),
    ])
    func refusedLinesSayWhereAndWhy(text: String, line: Int, shown: String, reason: String) {
        var settings = Sample()
        let error = #expect(throws: ConfigFileError.self) { try load(text, into: &settings) }
        #expect(error?.line == line)
        #expect(error?.text == shown)
        #expect(error?.reason == reason)
        #expect(
            error?.message(server: "Redis 7.2.4")
                == """

                *** FATAL CONFIG FILE ERROR (Redis 7.2.4) ***
                Reading the configuration file, at line \(line)
                >>> '\(shown)'
                \(reason)

                """)
    }

    @Test func aFileThatIncludesItselfEndsWithAnError() {
        var settings = Sample()
        #expect(throws: ConfigFileError.self) {
            try sampleTable.load(Array("include me".utf8), into: &settings) { _ in
                [Array("include me".utf8)]
            }
        }
    }

    @Test(
        arguments: [
            (["node.conf", "--port", "7001"], "node.conf", "port \"7001\" "),
            (["--port 7001", "--busy", "yes"], nil, "port 7001 \nbusy \"yes\" "),
            (["--save", "--port", "1"], nil, "save \"\"\nport \"1\" "),
            (["--save"], nil, "save \"\""),
            (["--save", "900", "1"], nil, "save \"900\" \"1\" "),
            (["--port", "--busy"], nil, "port \"--busy\" "),
            (["--port"], nil, "port "), (["-"], "-", ""), ([], nil, ""),
        ] as [([String], String?, String)])
    func theCommandLineBecomesLines(arguments: [String], file: String?, lines: String) {
        let commandLine = ConfigCommandLine(arguments)
        #expect(commandLine.file == file)
        #expect(commandLine.lines == lines)
    }

    @Test func valuesAreFoundByPatternAndHiddenOnesByName() {
        let settings = Sample()
        let found = sampleTable.values(of: settings) { $0.hasPrefix("m") || $0.hasPrefix("s") }
        #expect(found.map(\.name) == ["memory", "mem", "save"])
        #expect(found.map(\.value) == ["0", "0", "3600 1"])
        let hidden = sampleTable.values(of: settings, exact: ["secret"]) { _ in false }
        #expect(hidden.map(\.name) == ["secret"])
        #expect(sampleTable.value(of: "DEFRAG", in: settings) == "no")
    }

    @Test func settingSeveralPairsIsAtomic() throws {
        var settings = Sample()
        let changed = try sampleTable.set(
            [("port", "1"), ("color", "green"), ("save", "1 2 3 4"), ("bind", "")],
            in: &settings, allowingProtected: false)
        #expect(changed == ["port", "colour", "save", "bind"])
        #expect(settings.points == [[1, 2], [3, 4]])
        #expect(settings.addresses == [])
        let before = settings
        for (pairs, error) in [
            (
                [("port", "2"), ("mem", "x")],
                ConfigSetError.refused(
                    name: "mem", reason: "argument must be a memory value")
            ),
            ([("port", "2"), ("nothing", "x")], .unknown("nothing")),
            ([("busy", "yes")], .refused(name: "busy", reason: "can't set immutable config")),
            ([("secret", "x")], .refused(name: "secret", reason: "can't set protected config")),
            (
                [("mem", "1"), ("memory", "2")],
                .refused(
                    name: "memory", reason: "duplicate parameter")
            ),
        ] {
            #expect(throws: error) {
                try sampleTable.set(
                    pairs.map { (name: $0.0, value: $0.1) }, in: &settings,
                    allowingProtected: false)
            }
            #expect(settings == before)
        }
    }

    @Test func setErrorsReadLikeRedis() {
        #expect(
            ConfigSetError.unknown("x").reply
                == "ERR Unknown option or number of arguments for CONFIG SET - 'x'")
        #expect(
            ConfigSetError.refused(name: "a", reason: "b").reply
                == "ERR CONFIG SET failed (possibly related to argument 'a') - b")
    }
}
