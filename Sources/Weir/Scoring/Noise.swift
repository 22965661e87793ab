import CWeir

/// Dequantization noise: an 8-bit value v becomes (v + u) / 256 with u in [0, 1). Models of continuous data use none.
public enum Noise: Sendable, Hashable {
  /// u = 1/2: deterministic.
  case midpoint
  /// u uniform, from the seed and the sample's index.
  case seed(UInt64)
  /// log-mean-exp over several seeded draws: a tighter bound on the likelihood of the integers, at `draws` times the cost.
  case average(draws: Int, seed: UInt64 = 0)
}

extension Session {
  static func options(
    batch: Int, threads: Int, noise: Noise, precision: Precision
  ) throws(WeirError) -> weir_session_options {
    var options = weir_session_options_default()
    options.batch = try checkedCount(batch, "batch", in: 1...1 << 20)
    options.threads = try checkedCount(threads, "threads", in: 1...1024)
    options.precision = precision.engineValue
    switch noise {
    case .midpoint:
      options.noise = Int32(WEIR_NOISE_MIDPOINT)
    case .seed(let seed):
      options.noise = Int32(WEIR_NOISE_SEED)
      options.seed = seed
    case .average(let draws, let seed):
      options.noise = Int32(WEIR_NOISE_AVERAGE)
      options.draws = try checkedCount(draws, "draws", in: 1...1 << 20)
      options.seed = seed
    }
    return options
  }
}
