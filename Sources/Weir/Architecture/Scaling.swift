/// How rows of a table or an embedding are scaled before the flow's first step: fixed steps, so that their log-determinant counts.
/// They begin as the identity; write what the training data gives to their tensors.
public enum Scaling: String, Sendable, Hashable, CaseIterable {
  /// Not at all.
  case unscaled = "none"
  /// Zero mean and unit deviation: `affine`.
  case standard
  /// Median and interquartile range in their place, which outliers hardly move: `affine`.
  case robust
  /// Uncorrelated as well, along the principal axes: `affine` (mean, 1), `rotation`, `affine` (0, square root of each axis's variance).
  case whiten
}

extension Scaling: FlowPart {
  public var steps: [FlowStep] {
    switch self {
    case .unscaled: []
    case .standard, .robust: [.affine]
    case .whiten: [.affine, .rotation, .affine]
    }
  }
}
