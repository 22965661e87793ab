import CWeir

/// How a trainer works; the defaults are the engine's.
public struct TrainerOptions: Sendable, Hashable {
  /// The rule that turns gradients into steps, each as PyTorch computes it.
  public enum Optimizer: String, Sendable, Hashable, CaseIterable {
    /// Adam (Kingma and Ba 2015); weight decay is L2, added to the gradient.
    case adam
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    case adamw
    /// RMSprop without momentum; weight decay is L2.
    case rmsprop
  }

  /// What weight decay acts on.
  public enum Decay: String, Sendable, Hashable, CaseIterable {
    /// The gains of weight norm and of couplings only, as the paper's RealNVP.
    case gains
    /// Every trainable number.
    case all
  }

  /// Most samples in one step.
  public var batch: Int
  /// Threads a step may use.
  public var threads: Int
  /// Seed of the initial weights and of the dequantization noise.
  public var seed: UInt64
  /// Fresh uniform noise every step (true), or the midpoint, for comparisons.
  public var freshNoise: Bool
  /// The rule that turns gradients into steps.
  public var optimizer: Optimizer
  /// Adam's decay of the gradient's running mean.
  public var beta1: Double
  /// Adam's decay of the gradient's running square.
  public var beta2: Double
  /// RMSprop's decay of the gradient's running square.
  public var alpha: Double
  /// The optimizer's guard against division by zero.
  public var epsilon: Double
  /// Weight decay, L2 or decoupled as the optimizer has it.
  public var weightDecay: Double
  /// What weight decay acts on.
  public var decay: Decay
  /// d of the weights' moving average, d average + (1 - d) weights after each step, for ``Trainer/withAverage(_:)``. 0 for none.
  public var averageDecay: Double
  /// Most the gradient's norm may be; 0 turns clipping off.
  public var clipNorm: Double
  /// Bytes of network activations kept from forward to backward; couplings beyond it are recomputed.
  public var memoryBudget: Int

  /// The engine's defaults.
  public init() {
    let options = weir_train_options_default()
    batch = options.batch
    threads = options.threads
    seed = options.seed
    freshNoise = options.noise == Int32(WEIR_NOISE_SEED)
    optimizer = Optimizer.allCases.first { $0.engineValue == options.optimizer } ?? .adam
    beta1 = options.beta1
    beta2 = options.beta2
    alpha = options.alpha
    epsilon = options.epsilon
    weightDecay = options.weight_decay
    decay = Decay.allCases.first { $0.engineValue == options.decay } ?? .gains
    averageDecay = options.average_decay
    clipNorm = options.clip_norm
    memoryBudget = options.memory_budget
  }

  func engineOptions() throws(WeirError) -> weir_train_options {
    var options = weir_train_options_default()
    options.batch = try checkedCount(batch, "batch", in: 1...1 << 20)
    options.threads = try checkedCount(threads, "threads", in: 1...1024)
    options.seed = seed
    options.noise = Int32(freshNoise ? WEIR_NOISE_SEED : WEIR_NOISE_MIDPOINT)
    options.optimizer = optimizer.engineValue
    options.beta1 = beta1
    options.beta2 = beta2
    options.alpha = alpha
    options.epsilon = epsilon
    options.weight_decay = weightDecay
    options.decay = decay.engineValue
    options.average_decay = averageDecay
    options.clip_norm = clipNorm
    options.memory_budget = try checkedCount(memoryBudget, "memoryBudget", in: 0...Int.max)
    return options
  }
}

extension TrainerOptions.Optimizer {
  fileprivate var engineValue: Int32 {
    switch self {
    case .adam: Int32(WEIR_OPTIMIZER_ADAM)
    case .adamw: Int32(WEIR_OPTIMIZER_ADAMW)
    case .rmsprop: Int32(WEIR_OPTIMIZER_RMSPROP)
    }
  }
}

extension TrainerOptions.Decay {
  fileprivate var engineValue: Int32 {
    switch self {
    case .gains: Int32(WEIR_DECAY_GAINS)
    case .all: Int32(WEIR_DECAY_ALL)
    }
  }
}
