import Foundation
import Testing
import Weir

@Suite struct TrainingBatchTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private static let mixture = FlowSpec(dims: 2, prior: .gaussianMixture(components: 2)) {
    for reversed in [false, true] { Coupling(.tabular(reversed: reversed), MLP(hidden: 8, layers: 1)) }
  }

  /// Rows around (2, 2) and (-2, -2), in turn, and which of the two each is of.
  private func clusters(_ count: Int, seed: UInt64 = 1) -> (rows: [Float], labels: [Int32]) {
    var generator = SmallFlows.Generator(state: seed)
    let labels = (0..<count).map { Int32($0 % 2) }
    return (labels.flatMap { label in (0..<2).map { _ in (label == 0 ? 2 : -2) + generator.uniform() - 0.5 } }, labels)
  }

  /// A few labels are enough to tell the classes of others apart.
  @Test func labelsMakeClasses() throws {
    let trainer = try Trainer.create(Self.mixture, options: SmallFlows.options(batch: 32))
    for step in 0..<150 {
      let (rows, labels) = clusters(32, seed: UInt64(step))
      _ = try trainer.step(rows, labels: labels.enumerated().map { $0.offset < 8 ? $0.element : -1 }, learningRate: 1e-2)
    }
    try trainer.saveModel(folder("m"))
    let flow = try Flow.open(folder("m"))
    #expect(flow.info.prior == "gaussian_mixture" && flow.info.components == 2)
    let (rows, labels) = clusters(40, seed: 999)
    let session = try flow.session(batch: 7)
    let classes = try session.scoreClasses(rows)
    let scores = try session.score(rows)
    for (index, label) in labels.enumerated() {
      let (own, other) = (classes[2 * index + Int(label)], classes[2 * index + 1 - Int(label)])
      #expect(own > other)
      // The mixture is the mean of its components.
      let most = max(own, other)
      #expect(abs(most + log((exp(own - most) + exp(other - most)) / 2) - scores[index]) < 1e-9)
    }
  }

  @Test func labelsThatDoNotFit() throws {
    let trainer = try Trainer.create(Self.mixture, options: SmallFlows.options(batch: 4))
    expectError(.shape, "are 1 for 2 samples") { try trainer.step([1, 2, 3, 4], labels: [0], learningRate: 1e-3) }
    expectError(.argument, "label") { try trainer.step([1, 2], labels: [2], learningRate: 1e-3) }
    let plain = try Trainer.create(SmallFlows.table, options: SmallFlows.options(batch: 4))
    expectError(.unsupported, "gaussian_mixture") {
      try plain.step(SmallFlows.rows(1), labels: [0], learningRate: 1e-3)
    }
    try plain.saveModel(folder("m"))
    let flow = try Flow.open(folder("m"))
    #expect(flow.info.prior == "standard_normal" && flow.info.components == 1)
    expectError(.unsupported, "standard_normal") { try flow.session().scoreClasses(SmallFlows.rows(1)) }
  }

  @Test func negativesAreDrivenAway() throws {
    let trainer = try Trainer.create(SmallFlows.table, options: SmallFlows.options(batch: 64))
    let outside = SmallFlows.rows(32, seed: 5).map { -$0 + 1 }
    func gap() throws -> Double {
      let (inside, outside) = (try trainer.evaluate(SmallFlows.rows(32)), try trainer.evaluate(outside))
      return (inside.reduce(0, +) - outside.reduce(0, +)) / 32
    }
    let before = try gap()
    let first = try trainer.step(SmallFlows.rows(32), negative: outside, negativeFloor: -500, learningRate: 5e-3)
    #expect(first.negativeCount == 32 && first.negativeMean < 0 && first.negativeMean > -500)
    let loss = try trainer.gradient(SmallFlows.rows(32), negative: outside, negativeFloor: -500)
    let report = try trainer.step(SmallFlows.rows(32), negative: outside, negativeFloor: -500, learningRate: 5e-3)
    #expect(abs(loss - 0.5 * (report.loss + report.negativeMean)) < 1e-6)
    for step in 0..<100 {
      _ = try trainer.step(SmallFlows.rows(32, seed: UInt64(step)), negative: outside, negativeFloor: -500, learningRate: 5e-3)
    }
    #expect(try gap() > before + 20)
    let below = try trainer.step(SmallFlows.rows(32), negative: outside, negativeFloor: 100, learningRate: 0)
    #expect(below.negativeCount == 0 && below.negativeMean == 0)
    expectError(.shape, "negative ones included") { try trainer.step(SmallFlows.rows(64), negative: outside, learningRate: 1e-3) }
    #expect(TrainingBatch.defaultNegativeFloor == -3e4)
  }

  /// What the trainer says of its weights is what the model file says, however many samples at once.
  @Test func evaluatesAsTheModelScores() throws {
    let trainer = try Trainer.create(SmallFlows.image, options: SmallFlows.options(batch: 16))
    let pictures = SmallFlows.pictures(16).map { Float($0) }
    for _ in 0..<3 { _ = try trainer.step(pictures, learningRate: 1e-3) }
    try trainer.saveModel(folder("m"))
    let test = SmallFlows.pictures(37, seed: 3)
    #expect(try trainer.evaluate(test.map { Float($0) }) == Flow.open(folder("m")).session().score(test))
    expectError(.shape, "whole samples") { try trainer.evaluate([1]) }
  }

  @Test func averagedWeights() throws {
    var options = SmallFlows.options(batch: 16)
    let rows = SmallFlows.rows(16)
    let without = try Trainer.create(SmallFlows.table, options: options)
    expectError(.unsupported, "averageDecay") { try without.withAverage {} }

    options.averageDecay = 0.9
    let trainer = try Trainer.create(SmallFlows.table, options: options)
    for _ in 0..<20 { _ = try trainer.step(rows, learningRate: 1e-2) }
    let name = try #require(trainer.tensors().first { $0.isTrainable }).name
    let weights = try trainer.values(of: name)
    let average = try trainer.withAverage { () throws(WeirError) in
      try trainer.saveModel(folder("average"))
      return try trainer.values(of: name)
    }
    #expect(average != weights)
    #expect(try trainer.values(of: name) == weights)
    #expect(try Flow.open(folder("average")).session().score(rows) != trainer.evaluate(rows))
    // A step is refused meanwhile, and an error gives the weights back.
    expectError(.argument, "average") {
      try trainer.withAverage { () throws(WeirError) in _ = try trainer.step(rows, learningRate: 1e-2) }
    }
    #expect(try trainer.values(of: name) == weights)
    _ = try trainer.step(rows, learningRate: 1e-2)
  }

  /// Every option reaches the engine: another optimizer, decay or rate of decay gives other weights.
  @Test func optimizers() throws {
    func weights(_ set: (inout TrainerOptions) -> Void) throws -> [Float] {
      var options = SmallFlows.options(batch: 16)
      set(&options)
      let trainer = try Trainer.create(SmallFlows.table, options: options)
      for _ in 0..<3 { _ = try trainer.step(SmallFlows.rows(16), learningRate: 1e-2) }
      return try trainer.tensors().filter(\.isTrainable).flatMap { try trainer.values(of: $0.name) }
    }
    let changes: [(inout TrainerOptions) -> Void] = [
      { _ in }, { $0.optimizer = .rmsprop }, { ($0.optimizer, $0.alpha) = (.rmsprop, 0.5) }, { $0.weightDecay = 0.5 },
      { ($0.weightDecay, $0.decay) = (0.5, .all) }, { ($0.weightDecay, $0.optimizer) = (0.5, .adamw) }, { $0.beta1 = 0.5 },
    ]
    let results = try changes.map(weights)
    for (index, result) in results.enumerated() {
      #expect(!results[..<index].contains(result), "option \(index) changes nothing")
    }
    let defaults = TrainerOptions()
    #expect(defaults.optimizer == .adam && defaults.decay == .gains && defaults.averageDecay == 0 && defaults.alpha == 0.99)
  }
}
