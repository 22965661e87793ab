import Weir

/// Bytes that come front to back: a file, or a member of an archive.
protocol ByteSource: AnyObject {
  /// What errors call it.
  var path: String { get }

  /// Reads up to `buffer.count` bytes; fewer only at the end.
  ///
  /// - Throws: `WeirError.Code.io` or `format` for bytes that can't be had or are damaged.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(WeirError) -> Int
}

extension ByteSource {
  /// Up to `count` bytes; fewer only at the end. Memory grows as they come.
  func read(_ count: Int) throws(WeirError) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < count {
      // Doubling keeps a large file from being copied often, and a lying size from costing anything.
      let start = bytes.count
      let piece = min(count - start, max(1 << 12, start))
      bytes.append(contentsOf: repeatElement(0, count: piece))
      let held = try bytes.withUnsafeMutableBufferPointer { buffer throws(WeirError) in
        try read(into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[start...])))
      }
      if held < piece {
        bytes.removeLast(piece - held)
        break
      }
    }
    return bytes
  }

  /// All bytes to the end.
  ///
  /// - Throws: `WeirError.Code.unsupported` when they are more than `most`.
  func readAll(most: Int) throws(WeirError) -> [UInt8] {
    let bytes = try read(most + 1)
    guard bytes.count <= most else {
      throw WeirError(.unsupported, where: path, "is larger than \(most >> 20) MiB, the most that is read of such a file")
    }
    return bytes
  }
}
