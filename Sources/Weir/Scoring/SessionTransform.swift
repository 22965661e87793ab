import CWeir

extension Session {
  /// Latents z = f(x), factored-out parts in order, then what is left.
  ///
  /// - Parameters:
  ///   - x: Float [n, c, h, w] with image values 0..255, or [n, dims]; any n.
  ///   - z: Float [n, dims].
  ///   - logdet: Double [n], log|det dz/dx| in nats, or nil for not wanted.
  /// - Throws: `WeirError.Code.shape` when the counts do not fit.
  public func forward(
    _ x: UnsafeBufferPointer<Float>, into z: UnsafeMutableBufferPointer<Float>, logdet: UnsafeMutableBufferPointer<Double>? = nil
  ) throws(WeirError) {
    try transform(x, into: z, logdet: logdet, "forward", weir_forward)
  }

  /// Data x = f^-1(z): images as real values near 0..255.
  ///
  /// - Parameters:
  ///   - z: Float [n, dims].
  ///   - x: Float [n, c, h, w] or [n, dims].
  ///   - logdet: Double [n], log|det dx/dz| in nats, or nil for not wanted.
  /// - Throws: `WeirError.Code.shape` when the counts do not fit.
  ///
  /// With seeded noise the noise of the sample's index is subtracted: seek to the index that `forward` began at.
  public func inverse(
    _ z: UnsafeBufferPointer<Float>, into x: UnsafeMutableBufferPointer<Float>, logdet: UnsafeMutableBufferPointer<Double>? = nil
  ) throws(WeirError) {
    try transform(z, into: x, logdet: logdet, "inverse", weir_inverse)
  }

  /// As `forward`, for an array of Float [n, ...].
  public func forward(_ x: [Float]) throws(WeirError) -> (z: [Float], logdet: [Double]) {
    let (z, logdet) = try transformArray(x, "forward", weir_forward)
    return (z, logdet)
  }

  /// As `inverse`, for an array of Float [n, dims].
  public func inverse(_ z: [Float]) throws(WeirError) -> (x: [Float], logdet: [Double]) {
    let (x, logdet) = try transformArray(z, "inverse", weir_inverse)
    return (x, logdet)
  }

  private typealias Transform = (
    OpaquePointer?, UnsafePointer<Float>?, Int, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Double>?
  ) -> weir_status

  private func transform(
    _ input: UnsafeBufferPointer<Float>, into output: UnsafeMutableBufferPointer<Float>,
    logdet: UnsafeMutableBufferPointer<Double>?, _ function: StaticString, _ engine: Transform
  ) throws(WeirError) {
    let dims = flow.info.dims
    let n = try samples(input.count, function, outputs: output.count, perSample: dims)
    if let logdet, logdet.count < n {
      throw WeirError(.shape, where: "\(function)", "logdet holds \(logdet.count) numbers; \(n) samples need \(n)")
    }
    guard let from = input.baseAddress, let to = output.baseAddress else { return }
    try inBatches(n, function) { start, count in
      engine(handle, from + start * dims, count, to + start * dims, logdet?.baseAddress.map { $0 + start })
    }
  }

  private func transformArray(
    _ input: [Float], _ function: StaticString, _ engine: Transform
  ) throws(WeirError) -> ([Float], [Double]) {
    var output = [Float](repeating: 0, count: input.count)
    var logdet = [Double](repeating: 0, count: input.count / flow.info.dims)
    try input.withUnsafeBufferPointer { from throws(WeirError) in
      try output.withUnsafeMutableBufferPointer { to throws(WeirError) in
        try logdet.withUnsafeMutableBufferPointer { determinants throws(WeirError) in
          try transform(from, into: to, logdet: determinants, function, engine)
        }
      }
    }
    return (output, logdet)
  }
}
