import CWeir

extension Session {
  /// Log-likelihood of each sample under each class of a gaussian_mixture prior, log p(x | class), in nats. With equal weights
  /// p(class | x) is the softmax of a sample's row (Bayes' rule).
  ///
  /// - Parameters:
  ///   - x: Float [n, c, h, w] with image values 0..255, or [n, dims]; any n.
  ///   - logLikelihood: Double [n, components]. A sample that can't be scored gets -infinity throughout.
  /// - Throws: `WeirError.Code.unsupported` without such a prior, `shape` when the counts do not fit; then nothing is written.
  ///
  /// Allocates nothing. The same bits for any n, batch and thread count.
  public func scoreClasses(
    _ x: UnsafeBufferPointer<Float>, into logLikelihood: UnsafeMutableBufferPointer<Double>
  ) throws(WeirError) {
    guard flow.info.prior == "gaussian_mixture" else {
      throw WeirError(
        .unsupported, where: "scoreClasses",
        "the model's prior is \(flow.info.prior), which has no classes; train a gaussian_mixture")
    }
    let classes = flow.info.components
    let n = try samples(x.count, "scoreClasses", outputs: logLikelihood.count, perSample: classes)
    guard let input = x.baseAddress, let output = logLikelihood.baseAddress else { return }
    try inBatches(n, "scoreClasses") { start, count in
      weir_score_classes(handle, input + start * flow.info.dims, count, output + start * classes)
    }
  }

  /// As `scoreClasses`, for an array of Float [n, ...]; gives Double [n, components], nats.
  public func scoreClasses(_ x: [Float]) throws(WeirError) -> [Double] {
    var scores = [Double](repeating: 0, count: x.count / flow.info.dims * flow.info.components)
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in try scoreClasses(input, into: output) }
    }
    return scores
  }
}
