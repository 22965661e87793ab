import CWeir

extension Session {
  /// Draws samples: z from the prior, its deviation times `temperature`, then the inverse. Images come as values 0..255.
  ///
  /// - Parameters:
  ///   - x: Float [n, c, h, w] or [n, dims], with n at most the session's batch.
  ///   - seed: sample i depends on the seed and i alone.
  ///   - temperature: 1 for the model's own distribution; below 1 for more typical samples.
  /// - Throws: `WeirError.Code.shape` when x is not a whole number of samples, or more than the batch.
  public func sample(into x: UnsafeMutableBufferPointer<Float>, seed: UInt64 = 0, temperature: Float = 1) throws(WeirError) {
    let n = try samples(x.count, "sample", outputs: x.count, perSample: flow.info.dims)
    guard n <= batch else {
      throw WeirError(.shape, where: "sample", "\(n) samples are more than the session's batch of \(batch)")
    }
    guard n > 0 else { return }
    try checkEngine("sample", weir_sample(handle, seed, temperature, n, x.baseAddress))
  }

  /// As `sample`, for a new array of Float [count, ...].
  public func sample(count: Int, seed: UInt64 = 0, temperature: Float = 1) throws(WeirError) -> [Float] {
    let count = try checkedCount(count, "count", in: 0...batch)
    var x = [Float](repeating: 0, count: count * flow.info.dims)
    try x.withUnsafeMutableBufferPointer { output throws(WeirError) in
      try sample(into: output, seed: seed, temperature: temperature)
    }
    return x
  }
}
