import CLAPACK
import Weir

/// PCA whitening: y = (rotation (x - mean)) / scale has zero mean, unit variance and no correlations.
///
/// As steps of a flow: affine (mean, 1), rotation, affine (0, scale).
public struct Whitening: Sendable, Hashable {
  /// [dims]
  public let mean: [Float]
  /// [dims, dims], row-major, orthogonal: row i is the unit vector of the i-th principal axis, the one of most variance first. Its number
  /// of largest magnitude is positive, so that the axes' signs do not depend on the LAPACK that found them.
  public let rotation: [Float]
  /// [dims]: the square root of each axis's variance + 1e-6 times their mean, so that axes along which the data hardly vary are not
  /// blown up without limit; 1 where nothing varies.
  public let scale: [Float]

  /// The most dimensions: the covariance takes dims^2 doubles.
  public static let mostDims = 4096

  /// Covariance (of the population) in double, its eigenvectors by LAPACK (dsyevd).
  ///
  /// - Precondition: every sample is finite.
  /// - Throws: `WeirError.Code.unsupported` for more than ``mostDims`` dimensions, `numeric` when LAPACK does not converge.
  public init(of input: ModelInput) throws(WeirError) {
    let dims = input.dims
    guard dims <= Self.mostDims else {
      throw WeirError(
        .unsupported, where: "whiten",
        "\(dims) dimensions are more than the \(Self.mostDims) that are whitened; scale by standard instead")
    }
    let mean = input.mean()
    var vectors = Self.covariance(input, mean)
    var variances = [Double](repeating: 0, count: dims)
    try Self.diagonalise(&vectors, &variances)
    let floor = 1e-6 * max(0, variances.reduce(0, +)) / Double(dims)
    self.mean = mean.map { Float($0) }
    scale = (0..<dims).map { axis in
      let scale = Float((max(0, variances[dims - 1 - axis]) + floor).squareRoot())
      return scale > 0 ? scale : 1
    }
    var rotation = [Float](repeating: 0, count: dims * dims)
    for axis in 0..<dims {
      let vector = vectors[(dims - 1 - axis) * dims..<(dims - axis) * dims]
      let largest = vector.max { abs($0) < abs($1) } ?? 1
      for (dim, number) in vector.enumerated() { rotation[axis * dims + dim] = Float(largest < 0 ? -number : number) }
    }
    self.rotation = rotation
  }

  /// Replaces a symmetric matrix, of which the upper half (row-major) is read, by its eigenvectors, one a row, and finds their
  /// eigenvalues, in ascending order.
  private static func diagonalise(_ matrix: inout [Double], _ values: inout [Double]) throws(WeirError) {
    var dims = Int32(values.count)
    // What is upper and a row here is lower and a column to LAPACK.
    var (want, half) = (CChar(UInt8(ascii: "V")), CChar(UInt8(ascii: "L")))
    // As dsyevd asks for: 1 + 6 n + 2 n^2 and 3 + 5 n.
    var work = [Double](repeating: 0, count: 1 + 6 * values.count + 2 * values.count * values.count)
    var indexes = [Int32](repeating: 0, count: 3 + 5 * values.count)
    var (workCount, indexCount, status) = (Int32(work.count), Int32(indexes.count), Int32(0))
    dsyevd_(
      &want, &half, &dims, &matrix, &dims, &values, &work, &workCount, &indexes, &indexCount, &status, 1, 1)
    guard status == 0 else {
      throw WeirError(
        .numeric, where: "whiten", "the covariance's eigenvectors were not found (LAPACK \(status)); scale by standard instead")
    }
  }

  /// [dims, dims], of which the upper half is filled. Four samples at a time, so that the matrix passes through the cache a quarter as
  /// often.
  private static func covariance(_ input: ModelInput, _ mean: [Double]) -> [Double] {
    let dims = input.dims
    let group = 4
    var sums = [Double](repeating: 0, count: dims * dims)
    var rows = [Double](repeating: 0, count: group * dims)
    var held = 0
    func add() {
      sums.withUnsafeMutableBufferPointer { sums in
        rows.withUnsafeBufferPointer { rows in
          for i in 0..<dims {
            let (a, b, c, d) = (rows[i], rows[dims + i], rows[2 * dims + i], rows[3 * dims + i])
            for j in i..<dims {
              sums[i * dims + j] += a * rows[j] + b * rows[dims + j] + (c * rows[2 * dims + j] + d * rows[3 * dims + j])
            }
          }
        }
      }
      held = 0
    }
    input.forEachRow { row in
      for dim in 0..<dims { rows[held * dims + dim] = Double(row[dim]) - mean[dim] }
      held += 1
      if held == group { add() }
    }
    if held > 0 {
      for place in held * dims..<group * dims { rows[place] = 0 }
      add()
    }
    return sums.map { $0 / Double(input.count) }
  }
}
