import Testing
import Weir

@Suite struct ProfileTests {
  private let flow: Flow

  init() throws {
    let folder = try TemporaryFolder()
    flow = try Flow.open(SmallFlows.trainedImageModel(in: folder))
  }

  @Test func everyPartOnce() throws {
    let session = try flow.session(batch: 2)
    let x = SmallFlows.pictures(2).map { Float($0) }
    var expected: [ProfileEvent.Part] = []
    for (step, description) in flow.steps.enumerated() {
      expected += description.layers.indices.map { .layer(step: step, layer: $0) } + [.step(step)]
    }
    expected += [.layer(step: flow.steps.count, layer: 0), .step(flow.steps.count), .pass]
    let events = try session.profile(x)
    #expect(events.map(\.part) == expected)
    #expect(events.allSatisfy { $0.firstSample == 0 && $0.samples == 2 })
    #expect(events.last?.flops == 2 * flow.info.flops)
  }

  /// A pass of pictures holds 8.
  @Test func passesOfALargeBatch() throws {
    let events = try flow.session(batch: 9).profile(SmallFlows.pictures(9).map { Float($0) })
    let passes = events.filter { $0.part == .pass }
    #expect(passes.map(\.firstSample) == [0, 8] && passes.map(\.samples) == [8, 1])
    #expect(passes.allSatisfy { $0.flops == Double($0.samples) * flow.info.flops })
    let parts = events.map(\.part)
    #expect(parts == Array(parts[..<(parts.count / 2)]) + parts[..<(parts.count / 2)])
  }

  /// A layer's event tells what ran in the session's precision, the flow what runs in float32.
  @Test func descriptionsAreTheSessions() throws {
    let x = SmallFlows.pictures(2).map { Float($0) }
    let ofFlow = flow.steps.flatMap(\.layers) + [flow.density]
    let single = try flow.session(batch: 2).profile(x)
    #expect(single.compactMap(\.description) == ofFlow)
    #expect(single.allSatisfy { if case .layer = $0.part { $0.description != nil } else { $0.description == nil } })
    let rounded = try flow.session(batch: 2, precision: .bf16).profile(x).compactMap(\.description)
    #expect(rounded.map(\.name) == ofFlow.map(\.name))
    func inBF16(_ layer: LayerDescription) -> Bool { layer.kernel?.hasSuffix("_bf16") ?? false }
    #expect(rounded.contains(where: inBF16) && !ofFlow.contains(where: inBF16))
  }

  @Test func scoresAreThoseOfScore() throws {
    let session = try flow.session(batch: 3, threads: 2)
    let x = SmallFlows.pictures(3).map { Float($0) }
    var scores = [Double](repeating: 0, count: 3)
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in try session.profile(input, into: output) { _ in } }
    }
    #expect(try scores == session.score(x))
  }

  @Test func countsThatDoNotFit() throws {
    let session = try flow.session(batch: 2)
    let x = SmallFlows.pictures(3).map { Float($0) }
    expectError(.shape, "3 samples are not 1 to 2") { try session.profile(x) }
    expectError(.shape, "0 samples") { try session.profile([]) }
    expectError(.shape, "not a whole number of samples") { try session.profile(Array(x[..<65])) }
  }

  @Test func layersAddUpToTheirStep() {
    for step in flow.steps { #expect(step.layers.reduce(0) { $0 + $1.flops } == step.flops, "\(step.op)") }
    #expect(flow.steps.reduce(flow.density.flops) { $0 + $1.flops } == flow.info.flops)
    let coupling = flow.steps.first { $0.op == "coupling" }
    #expect(coupling?.layers.first?.name == "pack" && coupling?.layers.last?.kernel == "coupling_forward")
  }

  @Test func peaks() throws {
    let peak = try MachinePeak.measure(threads: 2, seconds: 0, readBytes: 1 << 20)
    #expect(peak.instructionSet == flow.info.instructionSet && peak.threads == 2 && peak.readBytes == 1 << 20)
    #expect(peak.multiplyAdd > 0 && (peak.read ?? 0) > 0)
    #expect((peak.bf16 ?? 0 > 0) == (peak.instructionSet == "avx512bf16"))
    #expect(try MachinePeak.measure(seconds: 0, readBytes: 0).read == nil)
    expectError(.argument, "threads: is 0; it must be 1 to 1024") { try MachinePeak.measure(threads: 0) }
    expectError(.argument, "peak") { try MachinePeak.measure(seconds: -1, readBytes: 0) }
  }
}
