import Weir

/// `train:`
struct TrainRecipe {
  static let keys = [
    "epochs", "batch", "learning_rate", "schedule", "optimizer", "weight_decay", "decay", "average", "clip_norm", "negative_floor",
    "patience", "seed", "threads", "memory_budget", "checkpoint_every", "log_every", "batch_norm_reestimate",
  ]

  static let epochRange = 1...1_000_000
  static let batchRange = 2...65536
  static let rateRange = 1e-12...10.0
  static let threadRange = 1...1024

  var epochs: Int
  /// Training samples in a step; negative training takes as many negative ones again.
  var batch: Int
  var learningRate: Double
  var schedule: ScheduleRecipe
  var optimizer: TrainerOptions.Optimizer
  var weightDecay: Double
  /// What weight decay acts on.
  var decay: TrainerOptions.Decay
  /// d of the weights' moving average; 0 for none.
  var average: Double
  var clipNorm: Double
  /// Nats: negative samples below it are left alone.
  var negativeFloor: Double
  /// Epochs without a better validation score after which the run stops; nil for never.
  var patience: Int?
  var seed: UInt64
  /// nil for every processor.
  var threads: Int?
  /// Bytes of activations kept from forward to backward.
  var memoryBudget: Int
  var checkpointEvery: Interval
  /// Steps between lines of the log.
  var logEvery: Int
  /// Images over which batch norm's statistics are re-estimated before a model is scored or kept; 0 for not at all.
  var batchNormReestimate: Int

  init(_ map: RecipeMap) throws(WeirError) {
    let defaults = TrainerOptions()
    epochs = try map.count("epochs", in: Self.epochRange)
    batch = try map.count("batch", in: Self.batchRange, default: 32)
    learningRate = try map.number("learning_rate", in: Self.rateRange)
    schedule = try ScheduleRecipe(map)
    optimizer = try map.oneOf("optimizer", TrainerOptions.Optimizer.self, default: defaults.optimizer)
    weightDecay = try map.number("weight_decay", in: 0...10, default: defaults.weightDecay)
    decay = try map.oneOf("decay", TrainerOptions.Decay.self, default: defaults.decay)
    average = try map.number("average", in: 0...0.999999, default: defaults.averageDecay)
    clipNorm = try map.number("clip_norm", in: 0...1e12, default: defaults.clipNorm)
    negativeFloor = try map.number("negative_floor", in: -1e12...0, default: TrainingBatch.defaultNegativeFloor)
    patience = map.has("patience") ? try map.count("patience", in: 1...1_000_000) : nil
    seed = UInt64(try map.count("seed", in: 0...Int.max, default: 0))
    threads = map.has("threads") ? try map.count("threads", in: Self.threadRange) : nil
    memoryBudget = try map.bytes("memory_budget", default: defaults.memoryBudget)
    checkpointEvery = try Interval(map, "checkpoint_every", default: .minutes(10))
    logEvery = try map.count("log_every", in: 1...1_000_000, default: 10)
    batchNormReestimate = try map.count("batch_norm_reestimate", in: 0...Int(UInt32.max), default: 10_000)
  }
}

/// How often: "10 minutes", "500 steps" or "never".
enum Interval: Hashable {
  case minutes(Double)
  case steps(Int)
  case never

  init(_ map: RecipeMap, _ key: String, default fallback: Interval) throws(WeirError) {
    guard let text = try map.text(key) else {
      self = fallback
      return
    }
    let words = text.split(separator: " ")
    if text == "never" {
      self = .never
    } else if words.count == 2, ["minute", "minutes"].contains(words[1]), let minutes = Double(words[0]),
      (0.01...1e6).contains(minutes)
    {
      self = .minutes(minutes)
    } else if words.count == 2, ["step", "steps"].contains(words[1]), let steps = Int(words[0]), (1...1_000_000_000).contains(steps)
    {
      self = .steps(steps)
    } else {
      throw map.error(key, "is \"\(text)\"; it must be \"N minutes\", \"N steps\" or never")
    }
  }
}

extension RecipeMap {
  /// Bytes: a whole number, or one with KB, MB or GB (powers of 1024).
  func bytes(_ key: String, default fallback: Int) throws(WeirError) -> Int {
    guard let text = try text(key) else { return fallback }
    let units = [("KB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30)]
    let (suffix, factor) = units.first { text.hasSuffix($0.0) } ?? ("", 1)
    let digits = text.dropLast(suffix.count).filter { $0 != " " }
    guard let value = Int(digits), value >= 0, value <= (1 << 46) / factor else {
      throw error(key, "is \"\(text)\"; it must be a size such as 256MB or 1GB")
    }
    return value * factor
  }
}
