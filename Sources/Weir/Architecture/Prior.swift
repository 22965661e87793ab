/// The density of the latents, over all D dimensions. It changes likelihoods and samples, not the latents themselves.
public enum Prior: Sendable, Hashable {
  /// N(0, I).
  case standardNormal
  /// N(mean, exp(log_scale)^2) per dimension, both trained from 0 on.
  case learnedNormal
  /// `components` normals of equal weight, each with a mean and one deviation of its own, drawn at random and trained unless
  /// `trainable` is false. Training with labels assigns each class its component (Izmailov et al. 2020, FlowGMM).
  case gaussianMixture(components: Int, trainable: Bool = true)

  var json: JSONText {
    switch self {
    case .standardNormal: .object([("type", .string("standard_normal"))])
    case .learnedNormal: .object([("type", .string("learned_normal"))])
    case .gaussianMixture(let components, let trainable):
      .object([("type", .string("gaussian_mixture")), ("components", .integer(components)), ("trainable", .bool(trainable))])
    }
  }
}
