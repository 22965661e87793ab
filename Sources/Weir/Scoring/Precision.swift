import CWeir

/// How exactly the networks of a flow's couplings compute; everything else is the same. A coupling is invertible whatever its network computes,
/// so either gives an exact likelihood: bf16 that of a model a little different from the file's.
public enum Precision: String, Sendable, Hashable, CaseIterable {
  /// Single precision.
  case f32
  /// Products of numbers with 8 bits of significand, summed in single precision. Made for CPUs with AVX512-BF16. `inverse` finds a sample
  /// again less closely than in f32.
  case bf16

  var engineValue: Int32 {
    switch self {
    case .f32: Int32(WEIR_PRECISION_F32)
    case .bf16: Int32(WEIR_PRECISION_BF16)
    }
  }
}
