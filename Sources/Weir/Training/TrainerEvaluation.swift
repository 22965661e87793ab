import CWeir

extension Trainer {
  /// Log-likelihood of each sample with the present weights, as a saved model would score it: batch norm by its stored statistics,
  /// midpoint noise, no dropout. Nats.
  ///
  /// - Parameter x: Float, the numbers of any count of samples, in the units of `Session.score`.
  /// - Throws: `WeirError.Code.shape`.
  public func evaluate(_ x: UnsafeBufferPointer<Float>) throws(WeirError) -> [Double] {
    let count = try samples(in: x)
    var scores = [Double](repeating: 0, count: count)
    var start = 0
    while start < count {
      let n = min(batch, count - start)
      let place = start
      try scores.withUnsafeMutableBufferPointer { output throws(WeirError) in
        let (input, output) = (x.baseAddress! + place * dims, output.baseAddress! + place)
        try callEngine("evaluate") { weir_trainer_evaluate(handle, input, n, output, $0) }
      }
      start += n
    }
    return scores
  }

  /// As `evaluate`, for an array.
  public func evaluate(_ x: [Float]) throws(WeirError) -> [Double] {
    try x.withUnsafeBufferPointer { input throws(WeirError) in try evaluate(input) }
  }

  /// Runs `body` with the weights' moving average in the weights' place, so that it evaluates, re-estimates and saves that. Steps and
  /// checkpoints are refused meanwhile.
  ///
  /// ```swift
  /// try trainer.withAverage { () throws(WeirError) in try trainer.saveModel("model.safetensors") }
  /// ```
  /// - Throws: `WeirError.Code.unsupported` without ``TrainerOptions/averageDecay``, and whatever `body` throws; the weights are back then.
  public func withAverage<Result>(_ body: () throws(WeirError) -> Result) throws(WeirError) -> Result {
    try swapAverage()
    let result: Result
    do throws(WeirError) {
      result = try body()
    } catch {
      try swapAverage()
      throw error
    }
    try swapAverage()
    return result
  }

  /// Exchanges the weights with their moving average, or back. ``withAverage(_:)`` can't forget to.
  ///
  /// - Throws: `WeirError.Code.unsupported` without ``TrainerOptions/averageDecay``.
  public func swapAverage() throws(WeirError) {
    let status = weir_trainer_swap_average(handle)
    guard status != WEIR_ERROR_UNSUPPORTED else {
      throw WeirError(.unsupported, where: "swapAverage", "no average of the weights is kept; set averageDecay in the options")
    }
    try checkEngine("swapAverage", status)
  }
}
