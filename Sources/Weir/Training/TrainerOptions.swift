import CWeir

/// How a trainer works; the defaults are the engine's.
public struct TrainerOptions: Sendable, Hashable {
  /// Most samples in one step.
  public var batch: Int
  /// Threads a step may use.
  public var threads: Int
  /// Seed of the initial weights and of the dequantization noise.
  public var seed: UInt64
  /// Fresh uniform noise every step (true), or the midpoint, for comparisons.
  public var freshNoise: Bool
  /// Adam's decay of the gradient's running mean.
  public var beta1: Double
  /// Adam's decay of the gradient's running square.
  public var beta2: Double
  /// Adam's guard against division by zero.
  public var epsilon: Double
  /// L2 on the weight-norm and coupling gains only.
  public var weightDecay: Double
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
    beta1 = options.beta1
    beta2 = options.beta2
    epsilon = options.epsilon
    weightDecay = options.weight_decay
    clipNorm = options.clip_norm
    memoryBudget = options.memory_budget
  }

  func engineOptions() throws(WeirError) -> weir_train_options {
    var options = weir_train_options_default()
    options.batch = try checkedCount(batch, "batch", in: 1...1 << 20)
    options.threads = try checkedCount(threads, "threads", in: 1...1024)
    options.seed = seed
    options.noise = Int32(freshNoise ? WEIR_NOISE_SEED : WEIR_NOISE_MIDPOINT)
    options.beta1 = beta1
    options.beta2 = beta2
    options.epsilon = epsilon
    options.weight_decay = weightDecay
    options.clip_norm = clipNorm
    options.memory_budget = try checkedCount(memoryBudget, "memoryBudget", in: 0...Int.max)
    return options
  }
}
