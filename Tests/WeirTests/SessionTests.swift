import Foundation
import Testing
import Weir
import WeirData

@Suite struct SessionTests {
  private let folder: TemporaryFolder
  private let flow: Flow

  init() throws {
    folder = try TemporaryFolder()
    flow = try Flow.open(SmallFlows.trainedImageModel(in: folder))
  }

  @Test func describesItself() throws {
    #expect(flow.info.shape == [1, 8, 8] && flow.info.dims == 64 && flow.info.levels == 256 && flow.info.isImage)
    #expect(flow.steps.count == SmallFlows.image.steps.count)
    #expect(flow.steps.map(\.op).prefix(3) == ["dequantize", "logit", "coupling"])
    #expect(flow.steps[2].mask == "checkerboard" && flow.steps[2].net == "resnet")
    #expect(flow.steps[0].mask == nil && flow.steps[0].net == nil)
    #expect(flow.info.parameters == flow.steps.reduce(0) { $0 + $1.parameters } && flow.info.parameters > 0)
    #expect(flow.info.flops > 0 && flow.info.modelBytes > 0)
    #expect(["ref", "avx2", "avx512", "avx512bf16", "neon"].contains(flow.info.instructionSet))
    let spec = try JSONSerialization.jsonObject(with: Data(flow.spec.utf8)) as? [String: Any]
    #expect((spec?["steps"] as? [Any])?.count == flow.steps.count)
    #expect(flow.info.bitsPerDimension(-64 * log(2)) == 1)
  }

  @Test func bytesAndFloatsScoreTheSame() throws {
    let pictures = SmallFlows.pictures(9, seed: 7)
    let bytes = try flow.session().score(pictures)
    #expect(bytes.count == 9 && bytes.allSatisfy { $0.isFinite && $0 < 0 })
    #expect(try flow.session().score(pictures.map { Float($0) }) == bytes)
  }

  @Test func batchAndThreadsChangeNoBit() throws {
    let pictures = SmallFlows.pictures(33, seed: 3)
    for noise in [Noise.midpoint, .seed(5), .average(draws: 3)] {
      let expected = try flow.session(batch: 1, noise: noise).score(pictures)
      for batch in [7, 32] {
        for threads in [1, 2] {
          let session = try flow.session(batch: batch, threads: threads, noise: noise)
          #expect(try session.score(pictures) == expected, "batch \(batch), threads \(threads), \(noise)")
        }
      }
    }
  }

  @Test func bf16IsAModelALittleDifferent() throws {
    let pictures = SmallFlows.pictures(9, seed: 7)
    let exact = try flow.session().score(pictures)
    let session = try flow.session(precision: .bf16)
    #expect(session.precision == .bf16 && session.flow.info.dims == 64)
    #expect(try session.bytes == flow.sessionBytes(precision: .bf16) && session.bytes != flow.sessionBytes())
    let scores = try session.score(pictures)
    #expect(scores != exact && zip(scores, exact).allSatisfy { abs(flow.info.bitsPerDimension($0 - $1)) < 0.1 })
    for (batch, threads) in [(1, 1), (4, 2)] {
      #expect(try flow.session(batch: batch, threads: threads, precision: .bf16).score(pictures) == scores)
    }
    #expect(try flow.session().score(pictures) == exact)
  }

  @Test func seededNoiseFollowsTheIndex() throws {
    let pictures = SmallFlows.pictures(4)
    let session = try flow.session(noise: .seed(9))
    let first = try session.score(pictures)
    #expect(try session.score(pictures) != first)
    session.seek(to: 0)
    #expect(try session.score(pictures) == first)
    session.seek(to: 2)
    #expect(try session.score(Array(pictures[128...])) == Array(first[2...]))
  }

  @Test func spansAndBuffersAreTheSameAsArrays() throws {
    let pictures = SmallFlows.pictures(5)
    let floats = pictures.map { Float($0) }
    let expected = try flow.session().score(pictures)
    let session = try flow.session(batch: 2)
    var output = [Double](repeating: 0, count: 5)
    do {
      var span = output.mutableSpan
      try session.score(pictures.span, into: &span)
    }
    #expect(output == expected)
    do {
      var span = output.mutableSpan
      try session.score(floats.span, into: &span)
    }
    #expect(output == expected)
  }

  @Test func goesThereAndBack() throws {
    let pictures = SmallFlows.pictures(6).map { Float($0) }
    let session = try flow.session()
    let (z, forward) = try session.forward(pictures)
    let (x, inverse) = try session.inverse(z)
    #expect(zip(x, pictures).allSatisfy { abs($0 - $1) < 0.0255 })
    #expect(zip(forward, inverse).allSatisfy { abs($0 + $1) < 1e-3 })
    // Score = standard normal prior + log-determinant of what was put in.
    let scores = try session.score(pictures)
    for index in 0..<6 {
      let square = z[index * 64..<(index + 1) * 64].reduce(0.0) { $0 + Double($1) * Double($1) }
      #expect(abs(-0.5 * square - 32 * log(2 * Double.pi) + forward[index] - scores[index]) < 1e-3)
    }
  }

  @Test func whatCanNotBeScoredIsMostAnomalous() throws {
    var pictures = SmallFlows.pictures(4).map { Float($0) }
    pictures[3] = .nan
    pictures[64 + 5] = .infinity
    pictures[128 + 1] = 300
    let scores = try flow.session().score(pictures)
    #expect(scores[..<3].allSatisfy { $0 == -.infinity } && scores[3].isFinite)
  }

  @Test func tracesEveryStep() throws {
    var events: [(op: String, shape: [Int], logdet: Double, hasScale: Bool)] = []
    let picture = SmallFlows.pictures(1).map { Float($0) }
    let session = try flow.session()
    try session.trace(picture) { events.append(($0.op, $0.shape, $0.logdet, $0.s != nil && $0.t != nil)) }
    #expect(events.map(\.op) == flow.steps.map(\.op))
    #expect(events.map(\.shape) == flow.steps.map(\.outputShape))
    #expect(events.allSatisfy { $0.hasScale == ($0.op == "coupling") })
    let logdet = try session.forward(picture).logdet[0]
    #expect(abs(events.reduce(0) { $0 + $1.logdet } - logdet) < 1e-6 * abs(logdet))
  }

  @Test func samplesDependOnSeedAndIndexAlone() throws {
    let many = try flow.session(batch: 8).sample(count: 8, seed: 4)
    #expect(try flow.session(batch: 3).sample(count: 3, seed: 4) == Array(many[..<192]))
    #expect(try flow.session(batch: 8).sample(count: 8, seed: 5) != many)
    #expect(many.allSatisfy { (0...255).contains($0) })
    expectError(.argument, "count") { try flow.session(batch: 2).sample(count: 3) }
  }

  @Test func wrongSizesAreRefused() throws {
    let session = try flow.session()
    expectError(.shape, "whole number of samples of 64") { try session.score([Float](repeating: 0, count: 65)) }
    expectError(.shape, "one sample") { try session.trace([1, 2]) { _ in } }
    expectError(.argument, "batch") { try flow.session(batch: 0) }
    expectError(.argument, "threads") { try flow.session(threads: 0) }
    expectError(.argument, "draws") { try flow.session(noise: .average(draws: 0)) }
    #expect(try session.score([Float]()).isEmpty)
  }

  @Test func sessionsOnManyThreadsShareAFlow() async throws {
    let flow = flow
    let pictures = SmallFlows.pictures(8)
    let expected = try flow.session().score(pictures)
    try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<4 { group.addTask { try flow.session().score(pictures) } }
      for try await scores in group { #expect(scores == expected) }
    }
  }

  @Test func matchedInputs() throws {
    let pictures = SmallFlows.pictures(5)
    let expected = try flow.session().score(pictures)
    let bytes = try DataArray(shape: [5, 8, 8], storage: .uint8(pictures), kind: .uint8, source: "bytes")
    let floats = try DataArray(
      shape: [5, 8, 8, 1], storage: .float(pictures.map { Float($0) / 255 }), kind: .float, source: "floats")
    var done: [Int] = []
    #expect(try flow.session(batch: 2).score(ModelInput(bytes, for: flow.info)) { done.append($0) } == expected)
    #expect(done == [2, 4, 5])
    #expect(try flow.session().score(ModelInput(floats, for: flow.info)) == expected)
  }
}
