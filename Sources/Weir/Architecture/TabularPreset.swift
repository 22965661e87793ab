extension FlowSpec {
  /// RealNVP for tables and embeddings: couplings with alternating halves and MLP networks. The defaults are those of the paper's
  /// tables (Kirichenko et al. 2020, appendix K).
  ///
  /// - Parameters:
  ///   - dims: numbers in one row, 2 or more.
  ///   - couplings: 1 or more.
  ///   - hidden: width of the networks' hidden layers.
  ///   - layers: hidden layers after the first.
  ///   - dropout: probability of ``MLP/dropout``.
  ///   - scaling: the steps before the first coupling; write the training data's numbers to their tensors.
  ///   - transform: of every coupling.
  ///   - prior: the density of the latents.
  /// - Throws: `WeirError.Code.argument` for a count out of range.
  public static func tabular(
    dims: Int, couplings: Int = 8, hidden: Int = 256, layers: Int = 1, dropout: Double = 0, scaling: Scaling = .unscaled,
    transform: Coupling.Transform = .affine, prior: Prior = .standardNormal
  ) throws(WeirError) -> FlowSpec {
    guard dims >= 2 else {
      throw WeirError(.argument, where: "tabular", "needs 2 or more numbers in a row; the data has \(dims)")
    }
    guard couplings >= 1 else { throw WeirError(.argument, where: "couplings", "is \(couplings); it must be 1 or more") }
    return FlowSpec(dims: dims, prior: prior) {
      scaling
      for index in 0..<couplings {
        Coupling(.tabular(reversed: index % 2 == 1), MLP(hidden: hidden, layers: layers, dropout: dropout), transform)
      }
    }
  }

  /// As ``tabular(dims:couplings:hidden:layers:dropout:scaling:transform:prior:)``, standardised or not.
  public static func tabular(
    dims: Int, couplings: Int = 8, hidden: Int = 256, layers: Int = 1, transform: Coupling.Transform = .affine, standardise: Bool
  ) throws(WeirError) -> FlowSpec {
    try tabular(
      dims: dims, couplings: couplings, hidden: hidden, layers: layers, scaling: standardise ? .standard : .unscaled,
      transform: transform)
  }
}
