import CWeir

extension Session {
  /// Log-likelihood of each sample in nats: log p(x) = log p_Z(f(x)) + log|det df/dx|, for images that of the integers 0..255.
  ///
  /// - Parameters:
  ///   - x: Float [n, c, h, w] with image values 0..255, or [n, dims]; any n.
  ///   - logLikelihood: Double [n]. A sample with NaN, Inf or an image value outside 0..255 gets -infinity.
  /// - Throws: `WeirError.Code.shape` when the counts do not fit; then nothing is written.
  ///
  /// Allocates nothing. The same bits for any n, batch and thread count.
  public func score(
    _ x: UnsafeBufferPointer<Float>, into logLikelihood: UnsafeMutableBufferPointer<Double>
  ) throws(WeirError) {
    let n = try samples(x.count, "score", outputs: logLikelihood.count, perSample: 1)
    guard let input = x.baseAddress, let output = logLikelihood.baseAddress else { return }
    try inBatches(n, "score") { start, count in
      weir_score(handle, input + start * flow.info.dims, count, output + start)
    }
  }

  /// As `score` for 8-bit images, UInt8 [n, c, h, w].
  ///
  /// - Throws: also `WeirError.Code.unsupported` when the model has no dequantize step.
  public func score(
    _ x: UnsafeBufferPointer<UInt8>, into logLikelihood: UnsafeMutableBufferPointer<Double>
  ) throws(WeirError) {
    let n = try samples(x.count, "score", outputs: logLikelihood.count, perSample: 1)
    guard let input = x.baseAddress, let output = logLikelihood.baseAddress else { return }
    try inBatches(n, "score") { start, count in
      weir_score_u8(handle, input + start * flow.info.dims, count, output + start)
    }
  }

  /// As `score` over spans: Float [n, ...] in, Double [n] out, without copies.
  public func score(_ x: Span<Float>, into logLikelihood: inout MutableSpan<Double>) throws(WeirError) {
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      try logLikelihood.withUnsafeMutableBufferPointer { output throws(WeirError) in try score(input, into: output) }
    }
  }

  /// As `score` over spans of 8-bit images, without copies.
  public func score(_ x: Span<UInt8>, into logLikelihood: inout MutableSpan<Double>) throws(WeirError) {
    try x.withUnsafeBufferPointer { input throws(WeirError) in
      try logLikelihood.withUnsafeMutableBufferPointer { output throws(WeirError) in try score(input, into: output) }
    }
  }

  /// As `score`, for an array of Float [n, ...]; gives Double [n], nats.
  public func score(_ x: [Float]) throws(WeirError) -> [Double] {
    try scoreArray(count: x.count) { output throws(WeirError) in
      try x.withUnsafeBufferPointer { input throws(WeirError) in try score(input, into: output) }
    }
  }

  /// As `score`, for an array of 8-bit images [n, c, h, w]; gives Double [n], nats.
  public func score(_ x: [UInt8]) throws(WeirError) -> [Double] {
    try scoreArray(count: x.count) { output throws(WeirError) in
      try x.withUnsafeBufferPointer { input throws(WeirError) in try score(input, into: output) }
    }
  }

  private func scoreArray(
    count: Int, _ body: (UnsafeMutableBufferPointer<Double>) throws(WeirError) -> Void
  ) throws(WeirError) -> [Double] {
    var scores = [Double](repeating: 0, count: count / flow.info.dims)
    try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in try body(output) }
    return scores
  }
}
