import Testing
import Weir

@Suite struct TrainerTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func learnsALine() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options(batch: 64))
    var losses: [Double] = []
    for step in 0..<200 {
      let report = try trainer.step(SmallFlows.rows(64, seed: UInt64(step)), learningRate: 5e-3)
      #expect(report.step == UInt64(step) + 1 && report.skippedAt == nil && report.learningRate == 5e-3)
      losses.append(report.loss)
    }
    #expect(trainer.steps == 200)
    #expect(losses.suffix(10).reduce(0, +) / 10 < losses[0] - 2)
  }

  @Test func tensors() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options())
    let mean = try #require(trainer.tensors().first { $0.name == "steps.0.mean" })
    #expect(mean.shape == [5] && mean.count == 5 && !mean.isTrainable)
    try trainer.write([1, 2, 3, 4, 5], to: "steps.0.mean")
    #expect(try trainer.values(of: "steps.0.mean") == [1, 2, 3, 4, 5])
    expectError(.shape, "holds 5 numbers") { try trainer.write([1], to: "steps.0.mean") }
    expectError(.tensor, "steps.9.x") { try trainer.values(of: "steps.9.x") }
    _ = try trainer.gradient(SmallFlows.rows(16))
    let weights = try trainer.tensors().filter(\.isTrainable)
    #expect(try weights.contains { try trainer.gradients(of: $0.name).contains { $0 != 0 } })
  }

  @Test func standardisingCounts() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options())
    let rows = SmallFlows.rows(16)
    let plain = try trainer.gradient(rows)
    try trainer.write([Float](repeating: 2, count: 5), to: "steps.0.scale")
    let scaled = try trainer.gradient(rows.map { $0 * 2 })
    // Twice as wide: log 2 nats more in each of the five dimensions.
    #expect(abs(scaled - plain - 5 * 0.6931471805599453) < 1e-3)
  }

  /// Ten steps straight, and five, a checkpoint, and five more, end in the same bits.
  @Test func resumesBitIdentically() throws {
    let data = (0..<10).map { SmallFlows.pictures(16, seed: UInt64($0)).map { Float($0) } }
    let straight = try Trainer.create(SmallFlows.image, options: SmallFlows.options())
    for batch in data { _ = try straight.step(batch, learningRate: 1e-3) }
    let first = try Trainer.create(SmallFlows.image, options: SmallFlows.options())
    for batch in data[..<5] { _ = try first.step(batch, learningRate: 1e-3) }
    try first.saveCheckpoint(folder("c"), hostState: "position 5\n\"quoted\"")
    let second = try Trainer.open(folder("c"), options: SmallFlows.options())
    #expect(second.hostState == "position 5\n\"quoted\"" && second.steps == 5)
    for batch in data[5...] { _ = try second.step(batch, learningRate: 1e-3) }
    for tensor in try straight.tensors() {
      let (one, two) = (try straight.values(of: tensor.name), try second.values(of: tensor.name))
      #expect(one.map(\.bitPattern) == two.map(\.bitPattern), "\(tensor.name)")
    }
  }

  @Test func badBatchesAreSkippedNotRuinous() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options())
    let names = try trainer.tensors().map(\.name)
    _ = try trainer.step(SmallFlows.rows(16), learningRate: 1e-3)
    let before = try names.map { try trainer.values(of: $0) }
    var rows = SmallFlows.rows(16)
    rows[7] = .nan
    let report = try trainer.step(rows, learningRate: 1e-3)
    #expect(report.skippedAt == "input")
    #expect(try names.map { try trainer.values(of: $0) } == before)
    let after = try trainer.step(SmallFlows.rows(16), learningRate: 1e-3)
    #expect(after.skippedAt == nil && after.loss.isFinite && after.learningRate == 1e-3)
  }

  @Test func mistakesAreNamed() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options(batch: 4))
    expectError(.shape, "whole samples") { try trainer.step([], learningRate: 1e-3) }
    expectError(.shape, "whole samples") { try trainer.step([1, 2, 3], learningRate: 1e-3) }
    #expect(throws: WeirError.self) { try trainer.step(SmallFlows.rows(8), learningRate: 1e-3) }
    #expect(throws: WeirError.self) { try Trainer.create(spec: "{\"version\":1}") }
    expectError(.spec, "squeze") {
      try Trainer.create(spec: SmallFlows.image.json.replacing("\"squeeze\"", with: "\"squeze\""))
    }
    #expect(throws: WeirError.self) { try trainer.saveModel(folder("no/such/folder")) }
  }
}
