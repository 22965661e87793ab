import Weir

extension InputFile {
  /// The rest of an IDX file after its 4 magic bytes: 0, 0, type, rank; then big-endian sizes; then the numbers, big-endian.
  static func readIDX(_ reader: any ByteSource, magic: [UInt8]) throws(WeirError) -> DataArray {
    let rank = Int(magic[3])
    guard (1...4).contains(rank) else {
      throw WeirError(.format, where: reader.path, "is an IDX file of \(rank) axes; 1 to 4 are possible")
    }
    let sizes = try reader.read(4 * rank)
    guard sizes.count == 4 * rank else {
      throw WeirError(.format, where: reader.path, "is cut short in its IDX header")
    }
    let shape = (0..<rank).map { axis in sizes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) } }
    let count = try elementCount(shape, reader.path)
    switch magic[2] {
    case 0x08:
      let values = try readNumbers(reader, count, UInt8.self, shape)
      return try DataArray(shape: shape, storage: .uint8(values), kind: .uint8, source: reader.path)
    case 0x0d:
      let values = try readNumbers(reader, count, UInt32.self, shape).map { Float(bitPattern: UInt32(bigEndian: $0)) }
      return try DataArray(shape: shape, storage: .float(values), kind: .float, source: reader.path)
    default:
      throw WeirError(
        .unsupported, where: reader.path,
        "is an IDX file of type 0x\(String(magic[2], radix: 16)); unsigned bytes (0x8) and 32-bit floats (0xd) can be read")
    }
  }

  /// `count` numbers that end the file. Memory grows as they come, so a lying header costs nothing.
  static func readNumbers<Number: FixedWidthInteger>(
    _ reader: any ByteSource, _ count: Int, _ type: Number.Type, _ shape: [Int]
  ) throws(WeirError) -> [Number] {
    let size = MemoryLayout<Number>.size
    var values: [Number] = []
    while values.count < count {
      let piece = min(count - values.count, 1 << 22)
      let start = values.count
      values.append(contentsOf: repeatElement(0, count: piece))
      let read = try values.withUnsafeMutableBufferPointer { buffer throws(WeirError) in
        try reader.read(into: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[start...])))
      }
      guard read == piece * size else {
        throw WeirError(
          .format, where: reader.path,
          "is cut short: shape \(shape) needs \(count * size) bytes of data and it has \(start * size + read)")
      }
    }
    guard try reader.read(1).isEmpty else {
      throw WeirError(.format, where: reader.path, "has bytes after the \(count * size) that shape \(shape) needs; is it damaged?")
    }
    return values
  }
}
