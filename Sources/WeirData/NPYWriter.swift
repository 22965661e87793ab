import Weir

/// Numbers that a .npy file can hold.
public protocol NPYNumber: BitwiseCopyable, Sendable {
  /// numpy's name for it.
  static var npyType: String { get }
}

extension UInt8: NPYNumber { public static var npyType: String { "|u1" } }
extension Float: NPYNumber { public static var npyType: String { "<f4" } }
extension Double: NPYNumber { public static var npyType: String { "<f8" } }

extension OutputFile {
  /// Writes an array in C order as a .npy file (format version 1.0).
  ///
  /// - Throws: `WeirError.Code.shape` when the count is not the product of the shape, `io` when it can't be written.
  public static func writeNPY<Number: NPYNumber>(_ values: [Number], shape: [Int], to path: String) throws(WeirError) {
    guard try elementCount(shape, path) == values.count else {
      throw WeirError(.shape, where: path, "\(values.count) numbers are not an array of shape \(shape)")
    }
    let axes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    var text = "{'descr': '\(Number.npyType)', 'fortran_order': False, 'shape': (\(axes)), }"
    // Magic, version and length take 10 bytes; the whole header ends on a multiple of 64.
    text += String(repeating: " ", count: 63 - (10 + text.utf8.count) % 64) + "\n"
    let length = text.utf8.count
    let header: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)] + Array(text.utf8)
    try header.withUnsafeBufferPointer { head throws(WeirError) in
      try values.withUnsafeBufferPointer { body throws(WeirError) in
        try write([UnsafeRawBufferPointer(head), UnsafeRawBufferPointer(body)], to: path)
      }
    }
  }

  /// Writes scores as CSV: index, log-likelihood in nats and, for images, bits per dimension.
  ///
  /// - Throws: `WeirError.Code.io` when it can't be written.
  public static func writeCSV(scores: [Double], info: FlowInfo, to path: String) throws(WeirError) {
    var text = info.levels > 0 ? "index,log_likelihood,bits_per_dim\n" : "index,log_likelihood\n"
    for (index, score) in scores.enumerated() {
      text += "\(index),\(score)"
      if info.levels > 0 { text += ",\(info.bitsPerDimension(score))" }
      text += "\n"
    }
    try write(text: text, to: path)
  }
}
