import Dispatch
import Foundation
import Testing
import Weir

@Suite struct SessionExecutorTests {
  private let folder: TemporaryFolder
  private let flow: Flow

  init() throws {
    folder = try TemporaryFolder()
    flow = try Flow.open(SmallFlows.trainedImageModel(in: folder))
  }

  /// Numbers that several threads add.
  private final class Numbers: @unchecked Sendable {
    private let lock = NSLock()
    private var numbers: [Int] = []

    func add(_ number: Int) { lock.withLock { numbers.append(number) } }
    var all: [Int] { lock.withLock { numbers } }
  }

  @Test func dispatchGivesTheSameBits() throws {
    let counts = Numbers()
    let dispatch = SessionExecutor { count, part in
      counts.add(count)
      DispatchQueue.concurrentPerform(iterations: count) { part($0) }
    }
    let pictures = SmallFlows.pictures(33, seed: 3)
    for noise in [Noise.midpoint, .seed(5), .average(draws: 3)] {
      let expected = try flow.session(batch: 1, noise: noise).score(pictures)
      for batch in [1, 7, 32] {
        let session = try flow.session(batch: batch, threads: 4, noise: noise, executor: dispatch)
        #expect(try session.score(pictures) == expected, "batch \(batch), \(noise)")
      }
    }
    #expect(!counts.all.isEmpty && counts.all.allSatisfy { (2...4).contains($0) })
  }

  @Test func partsMayRunInAnyOrder() throws {
    let parts = Numbers()
    let backwards = SessionExecutor { count, part in
      for index in (0..<count).reversed() {
        parts.add(index)
        part(index)
      }
    }
    let pictures = SmallFlows.pictures(9)
    let expected = try flow.session().score(pictures)
    #expect(try flow.session(threads: 3, executor: backwards).score(pictures) == expected)
    #expect(parts.all.starts(with: [2, 1, 0]) || parts.all.starts(with: [1, 0]))
  }

  @Test func aSessionKeepsItsExecutor() throws {
    let calls = Numbers()
    let session = try flow.session(
      threads: 2,
      executor: SessionExecutor { count, part in
        calls.add(count)
        for index in 0..<count { part(index) }
      })
    _ = try session.score(SmallFlows.pictures(9))
    #expect(!calls.all.isEmpty)
  }

  @Test func oneThreadNeedsNobody() throws {
    let calls = Numbers()
    let session = try flow.session(threads: 1, executor: SessionExecutor { count, _ in calls.add(count) })
    _ = try session.score(SmallFlows.pictures(9))
    #expect(calls.all.isEmpty)
  }

  @Test func anActorMayOwnASession() async throws {
    actor Scorer {
      private let session: Session

      init(_ flow: Flow) throws { session = try flow.session(batch: 4) }

      func score(_ pictures: [UInt8]) throws -> [Double] { try session.score(pictures) }
    }
    let scorer = try Scorer(flow)
    let pictures = SmallFlows.pictures(6)
    let expected = try flow.session().score(pictures)
    try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<8 { group.addTask { try await scorer.score(pictures) } }
      for try await scores in group { #expect(scores == expected) }
    }
  }
}
