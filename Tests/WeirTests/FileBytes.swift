/// Files of other programs, written byte by byte, so that tests can break them at will.
enum FileBytes {
  static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xffff_ffff
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return ~crc
  }

  static func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 255) } }
  static func big(_ value: Int, _ count: Int) -> [UInt8] { little(value, count).reversed() }

  /// gzip's "stored" form: no compression, up to 255 bytes.
  static func gzip(_ raw: [UInt8]) -> [UInt8] {
    let size = UInt8(raw.count)
    return [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, size, 0, ~size, 0xff] + raw + little(Int(crc32(raw)), 4) + [size, 0, 0, 0]
  }

  /// A .npy file of version 1.
  static func npy(_ type: String, _ shape: String, _ data: [UInt8], order: String = "False") -> [UInt8] {
    let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + little(header.utf8.count, 2) + Array(header.utf8) + data
  }

  /// A zip archive of stored members; `size` and `method` are what its directory claims.
  static func zip(_ members: [(name: String, data: [UInt8])], size: Int? = nil, method: Int = 0) -> [UInt8] {
    var file: [UInt8] = []
    var directory: [UInt8] = []
    for member in members {
      let name = Array(member.name.utf8)
      let sizes = little(Int(crc32(member.data)), 4) + little(member.data.count, 4) + little(size ?? member.data.count, 4)
      let common = little(20, 2) + little(0, 2) + little(method, 2) + little(0, 4) + sizes + little(name.count, 2) + little(0, 2)
      directory += little(0x0201_4b50, 4) + little(20, 2) + common + little(0, 10) + little(file.count, 4) + name
      file += little(0x0403_4b50, 4) + common + name + member.data
    }
    let end = little(0x0605_4b50, 4) + little(0, 4) + little(members.count, 2) + little(members.count, 2)
    return file + directory + end + little(directory.count, 4) + little(file.count, 4) + little(0, 2)
  }

  /// A PNG: `rows` are its scan lines without filter bytes, `chunks` come before the pixels.
  static func png(
    width: Int, height: Int, bits: Int = 8, colour: Int, _ rows: [UInt8], chunks: [(String, [UInt8])] = []
  ) -> [UInt8] {
    func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
      let body = Array(type.utf8) + data
      return big(data.count, 4) + body + big(Int(crc32(body)), 4)
    }
    let stride = rows.count / height
    let raw = (0..<height).flatMap { [0] + rows[$0 * stride..<($0 + 1) * stride] }
    var (a, b) = (1, 0)
    for byte in raw {
      a = (a + Int(byte)) % 65521
      b = (b + a) % 65521
    }
    let packed = [0x78, 1, 1] + little(raw.count, 2) + little(~raw.count & 0xffff, 2) + raw + big(b << 16 | a, 4)
    let header = big(width, 4) + big(height, 4) + [UInt8(bits), UInt8(colour), 0, 0, 0]
    return [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] + chunk("IHDR", header)
      + chunks.flatMap { chunk($0.0, $0.1) } + chunk("IDAT", packed) + chunk("IEND", [])
  }
}
