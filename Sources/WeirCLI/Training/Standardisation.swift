import Weir
import WeirData

/// Mean and standard deviation of every dimension of a table: what a standardising step is set to.
struct Standardisation {
  let mean: [Float]
  /// 1 where the deviation is 0.
  let scale: [Float]

  /// Two passes in double over every row.
  init(of input: ModelInput) {
    let dims = input.dims
    var row = [Float](repeating: 0, count: dims)
    var mean = [Double](repeating: 0, count: dims)
    var square = [Double](repeating: 0, count: dims)
    for index in 0..<input.count {
      row.withUnsafeMutableBufferPointer { input.copy(index, into: $0.baseAddress!) }
      for dim in 0..<dims { mean[dim] += Double(row[dim]) }
    }
    for dim in 0..<dims { mean[dim] /= Double(input.count) }
    for index in 0..<input.count {
      row.withUnsafeMutableBufferPointer { input.copy(index, into: $0.baseAddress!) }
      for dim in 0..<dims { square[dim] += (Double(row[dim]) - mean[dim]) * (Double(row[dim]) - mean[dim]) }
    }
    self.mean = mean.map { Float($0) }
    scale = square.map { total in
      let deviation = Float((total / Double(input.count)).squareRoot())
      return deviation > 0 ? deviation : 1
    }
  }
}
