import Weir

/// Centre and spread of every dimension of a table or of embeddings: what a scaling step, y = (x - mean) / scale, is set to.
public struct Standardisation: Sendable, Hashable {
  /// [dims]
  public let mean: [Float]
  /// [dims], above 0.
  public let scale: [Float]

  init(mean: [Double], spread: [Double]) {
    self.mean = mean.map { Float($0) }
    scale = spread.map { spread in
      let scale = Float(spread)
      return scale > 0 ? scale : 1
    }
  }

  /// Mean and standard deviation (of the population), in two passes in double; 1 where the deviation is 0.
  ///
  /// - Precondition: every sample is finite.
  public init(of input: ModelInput) {
    let mean = input.mean()
    var square = [Double](repeating: 0, count: input.dims)
    input.forEachRow { row in
      for dim in row.indices { square[dim] += (Double(row[dim]) - mean[dim]) * (Double(row[dim]) - mean[dim]) }
    }
    self.init(mean: mean, spread: square.map { ($0 / Double(input.count)).squareRoot() })
  }

  /// Median and interquartile range / 1.349, which is the deviation of a normal distribution: scikit-learn's RobustScaler with
  /// unit_variance. Quartiles are interpolated linearly. Where both quartiles are the same number the standard deviation takes their
  /// place, and 1 where that is 0 too.
  ///
  /// - Precondition: every sample is finite.
  public init(robustOf input: ModelInput) {
    let deviation = Standardisation(of: input).scale
    var columns = [Float](repeating: 0, count: input.dims * input.count)
    var sample = 0
    input.forEachRow { row in
      for dim in row.indices { columns[dim * input.count + sample] = row[dim] }
      sample += 1
    }
    var middle: [Double] = []
    var spread: [Double] = []
    for dim in 0..<input.dims {
      let sorted = columns[dim * input.count..<(dim + 1) * input.count].sorted()
      let range = Self.quantile(sorted, 0.75) - Self.quantile(sorted, 0.25)
      middle.append(Self.quantile(sorted, 0.5))
      spread.append(range > 0 ? range / 1.349 : Double(deviation[dim]))
    }
    self.init(mean: middle, spread: spread)
  }

  private static func quantile(_ sorted: [Float], _ share: Double) -> Double {
    let place = share * Double(sorted.count - 1)
    let low = Int(place)
    let high = min(low + 1, sorted.count - 1)
    return Double(sorted[low]) + (place - Double(low)) * (Double(sorted[high]) - Double(sorted[low]))
  }
}

extension ModelInput {
  /// Calls `body` with every sample in turn, Float [dims], valid during the call.
  func forEachRow(_ body: (UnsafeBufferPointer<Float>) -> Void) {
    let row = UnsafeMutableBufferPointer<Float>.allocate(capacity: dims)
    defer { row.deallocate() }
    for sample in 0..<count {
      copy(sample, into: row.baseAddress!)
      body(UnsafeBufferPointer(row))
    }
  }

  /// Mean of every dimension, [dims], in double.
  func mean() -> [Double] {
    var sum = [Double](repeating: 0, count: dims)
    forEachRow { row in
      for dim in row.indices { sum[dim] += Double(row[dim]) }
    }
    return sum.map { $0 / Double(count) }
  }
}
