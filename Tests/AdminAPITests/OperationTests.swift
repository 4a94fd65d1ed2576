import APIContract
import ControlModel
import EventLoop
import HTTPTransport
import HTTPWire
import Platform
import Testing

@testable import AdminAPI

@Suite struct OperationTests {
    static let path = "/v1/clusters/demo/switchovers"

    func starting(_ operation: Operation) throws -> AdminWorld {
        let world = try AdminWorld.ready()
        world.coordinator.answer = { _ in .success(CommandAnswer(operation: operation)) }
        return world
    }

    @Test func actionIsAnsweredAtOnceWithItsOperation() throws {
        let world = try starting(Sample.operation("op-2", .running))
        // An empty request does the obvious thing.
        let answer = try world.call("POST", Self.path)
        #expect(answer.status == 202 && answer.headers["location"] == "/v1/operations/op-2")
        #expect(
            Schemas.catalogue["Operation"].violations(of: answer.json, in: Schemas.catalogue) == [])
        #expect(
            world.coordinator.commands.last?.action
                == .switchover(SwitchoverRequest(cluster: "demo")))
    }

    @Test func waitHoldsTheAnswerUntilTheOperationHasEnded() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let number = world.submit(
            "POST", Self.path + "?wait=30s", #"{"target":"n2","maxPause":"250ms"}"#)
        try world.until("the poll") { world.coordinator.commands.count == 2 }
        for _ in 0..<5 { world.loop.runTurn(waitMillisecondsMax: 5) }
        #expect(!world.isAnswered(number))
        world.coordinator.change { $0.operations[0] = Sample.operation("op-2", .succeeded) }
        let answer = try world.answer(number)
        #expect(answer.status == 200 && answer.text.contains("\"succeeded\""))
        guard case .switchover(let request) = world.coordinator.commands.last?.action else {
            Issue.record("no switchover")
            return
        }
        #expect(request.target == "n2" && request.maxPause == DurationText("250ms"))
    }

    @Test func waitThatIsTooShortAnswersWithTheRunningOperation() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let number = world.submit("POST", Self.path + "?wait=80ms", "{}")
        try world.until("the command") { world.coordinator.commands.count == 2 }
        // The coordinator answers its poll when its time is over.
        let coordinator = world.coordinator
        world.loop.schedule(afterMilliseconds: 120, repeatingMilliseconds: 20) {
            coordinator.answerPolls()
        }
        let answer = try world.answer(number)
        #expect(answer.status == 202 && answer.text.contains("\"running\""))
    }

    @Test func failureThatWasWaitedForFailsTheScript() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let number = world.submit("POST", Self.path + "?wait=30s", "{}")
        try world.until("the command") { world.coordinator.commands.count == 2 }
        world.coordinator.change { $0.operations[0] = Sample.operation("op-2", .failed) }
        let answer = try world.answer(number)
        #expect(answer.status == 504 && answer.code == "SWITCHOVER_TIMEOUT")
        #expect(answer.headers["location"] == "/v1/operations/op-2")
    }

    @Test func operationsAreListedReadAndCancelled() throws {
        let world = try AdminWorld.ready()
        let all = try world.get("/v1/operations")
        #expect(
            Schemas.catalogue["OperationList"].violations(of: all.json, in: Schemas.catalogue)
                == [])
        let running = try world.get("/v1/operations?state=running&cluster=demo")
        #expect(running.text.contains("op-2") && !running.text.contains("op-1"))
        #expect(try world.get("/v1/operations?state=odd").status == 400)
        #expect(try world.get("/v1/operations/op-1?wait=30s").text.contains("succeeded"))
        #expect(try world.get("/v1/operations/op-9").status == 404)
        #expect(try world.call("POST", "/v1/operations/op-2/cancel").status == 200)
        #expect(world.coordinator.commands.last?.action == .cancelOperation(id: "op-2"))
    }

    @Test func losingDataNeedsAnAdmin() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let secret = "hw_operator_token_of_the_tests"
        world.coordinator.change {
            $0.tokens.append(PipelineTests.record(secret, role: .operator))
        }
        let path = "/v1/clusters/demo/failovers"
        let body = #"{"acceptDataLoss":true,"reason":"fire"}"#
        let refused = try world.call("POST", path, body, token: secret)
        #expect(refused.status == 403 && refused.text.contains("acceptDataLoss"))
        #expect(try world.call("POST", path, "{}", token: secret).status == 202)
        #expect(try world.call("POST", path, body).status == 202)
        #expect(
            world.coordinator.commands.last?.action
                == .failover(
                    FailoverRequest(cluster: "demo", acceptDataLoss: true, reason: "fire")))
    }

    @Test func repeatedRequestWithItsKeyIsReplayed() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let key = ["Idempotency-Key": "k1"]
        let first = try world.call("POST", Self.path, "{}", key)
        #expect(first.status == 202 && first.headers["idempotency-replayed"] == nil)
        let second = try world.call("POST", Self.path, "{}", key)
        #expect(second.status == 202 && second.headers["idempotency-replayed"] == "true")
        let other = try world.call("POST", Self.path, #"{"target":"n2"}"#, key)
        #expect(other.status == 422 && other.code == "IDEMPOTENCY_KEY_REUSED")
        // A longer wait is no other request.
        let waiting = try world.call("POST", Self.path + "?wait=0s", "{}", key)
        #expect(waiting.headers["idempotency-replayed"] == "true")
        let bad = try world.call("POST", Self.path, "{}", ["Idempotency-Key": "a b"])
        #expect(bad.status == 400)
        let keys = world.coordinator.commands.compactMap(\.idempotency?.key)
        #expect(keys.filter { $0 == "caller-k1" }.count == 4)
    }

    @Test func drainAnswersWhoWaits() throws {
        let world = try starting(Sample.operation("op-2", .running))
        let number = world.submit("POST", Self.path + "?wait=30s", "{}")
        try world.until("the command") { world.coordinator.commands.count == 2 }
        let polls = world.coordinator.requestCount
        try world.until("the poll") { world.coordinator.requestCount >= polls }
        var isDrained = false
        world.service.drain { isDrained = true }
        let answer = try world.answer(number)
        #expect(answer.status == 503 && answer.headers["location"] == "/v1/operations/op-2")
        try world.until("drain") { isDrained }
    }
}
