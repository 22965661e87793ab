import Weir

/// An array as it was in its file: samples outermost, C order.
public struct DataArray: Sendable {
  /// The numbers.
  public enum Storage: Sendable {
    /// Image values 0..255.
    case uint8([UInt8])
    /// Numbers of any other type.
    case float([Float])
  }

  /// What the file's numbers were, which says how an image's values are meant.
  public enum Kind: String, Sendable {
    /// 8-bit: image values 0..255.
    case uint8
    /// Wider integers: image values 0..255.
    case integer
    /// Floating point: image values 0..1.
    case float
  }

  /// [n, ...]
  public let shape: [Int]
  /// The numbers, row-major.
  public let storage: Storage
  /// What the numbers mean: bytes, whole numbers, or fractions.
  public let kind: Kind
  /// Where it came from, for error messages.
  public let source: String

  /// - Throws: `WeirError.Code.shape` when the count is not the product of the shape.
  public init(shape: [Int], storage: Storage, kind: Kind, source: String) throws(WeirError) {
    self.shape = shape
    self.storage = storage
    self.kind = kind
    self.source = source
    let held =
      switch storage {
      case .uint8(let values): values.count
      case .float(let values): values.count
      }
    guard try elementCount(shape, source) == held else {
      throw WeirError(.shape, where: source, "holds \(held) numbers, which is not the product of \(shape)")
    }
  }
}

/// Product of a shape.
///
/// - Throws: `WeirError.Code.format` for an overflow, a negative or more than 2^40 numbers.
func elementCount(_ shape: [Int], _ source: String) throws(WeirError) -> Int {
  var product = 1
  for axis in shape {
    let (next, overflow) = product.multipliedReportingOverflow(by: axis)
    guard axis >= 0, !overflow, next <= 1 << 40 else {
      throw WeirError(.format, where: source, "claims an array of shape \(shape), which can't be right")
    }
    product = next
  }
  return product
}
