import Weir

/// `train.schedule`: how the learning rate moves. One word, or a mapping with a kind and its options.
struct ScheduleRecipe: Hashable {
  enum Kind: Hashable {
    case constant
    case linear(final: Double)
    case cosine(final: Double)
    /// Times `factor` at the start of each of the epochs, counted from 0.
    case drops(epochs: [Int], factor: Double)
  }

  var kind: Kind
  /// Steps of linear rise at the start.
  var warmup: Int

  /// True when the rate of a step depends on the length of the run.
  var needsLength: Bool {
    switch kind {
    case .constant, .drops: false
    case .linear, .cosine: true
    }
  }

  /// As models and checkpoints record it.
  var text: String {
    let shape =
      switch kind {
      case .constant: "constant"
      case .linear(let final): "linear final \(final)"
      case .cosine(let final): "cosine final \(final)"
      case .drops(let epochs, let factor): "drops \(epochs) factor \(factor)"
      }
    return "\(shape) warmup \(warmup)"
  }

  init(_ train: RecipeMap) throws(WeirError) {
    let words = ["constant", "linear", "cosine"]
    guard let node = train.node("schedule"), case .mapping = node else {
      warmup = 0
      switch try train.choice("schedule", words, default: "constant") {
      case "linear": kind = .linear(final: 0)
      case "cosine": kind = .cosine(final: 0)
      default: kind = .constant
      }
      return
    }
    let any = try train.map("schedule", keys: ["kind", "warmup", "final", "epochs", "factor"])
    let name = try any.choice("kind", words + ["drops"])
    let applies = ["constant": [], "linear": ["final"], "cosine": ["final"], "drops": ["epochs", "factor"]]
    let map = try train.map("schedule", keys: ["kind", "warmup"] + applies[name, default: []])
    warmup = try map.count("warmup", in: 0...1_000_000_000, default: 0)
    switch name {
    case "linear": kind = .linear(final: try map.number("final", in: 0...1, default: 0))
    case "cosine": kind = .cosine(final: try map.number("final", in: 0...1, default: 0))
    case "drops":
      guard let epochs = try map.counts("epochs", in: 1...1_000_000) else {
        throw map.error("epochs", "is missing; it lists the epochs before which the rate drops")
      }
      kind = .drops(epochs: epochs, factor: try map.number("factor", in: 1e-6...1, default: 0.1))
    default: kind = .constant
    }
  }

  /// The schedule of a run.
  func schedule(rate: Double, epochs: Int, batches: Int) -> LearningRateSchedule {
    let shape: LearningRateSchedule.Shape =
      switch kind {
      case .constant: .constant
      case .linear(let final): .linear(final: final)
      case .cosine(let final): .cosine(final: final)
      case .drops(let at, let factor): .drops(at: at.map { $0 * batches }, factor: factor)
      }
    return LearningRateSchedule(rate: rate, warmup: warmup, shape: shape, steps: epochs * batches)
  }
}
