import Weir

extension InputFile {
  /// The rest of a .npy file after its first 4 bytes (format versions 1 to 3).
  static func readNPY(_ reader: ByteReader) throws(WeirError) -> DataArray {
    let header = try readNPYHeader(reader)
    let shape = header.shape
    let count = try elementCount(shape, reader.path)
    func array(_ storage: DataArray.Storage, _ kind: DataArray.Kind) throws(WeirError) -> DataArray {
      try DataArray(shape: shape, storage: storage, kind: kind, source: reader.path)
    }
    switch header.type {
    case "|u1", "<u1", "u1":
      return try array(.uint8(readNumbers(reader, count, UInt8.self, shape)), .uint8)
    case "<f4":
      return try array(.float(readNumbers(reader, count, UInt32.self, shape).map { Float(bitPattern: $0) }), .float)
    case "<f8":
      let values = try readNumbers(reader, count, UInt64.self, shape).map { Float(Double(bitPattern: $0)) }
      return try array(.float(values), .float)
    case "<i4":
      return try array(.float(readNumbers(reader, count, Int32.self, shape).map { Float($0) }), .integer)
    case "<i8":
      return try array(.float(readNumbers(reader, count, Int64.self, shape).map { Float($0) }), .integer)
    case let type where type.hasPrefix(">"):
      throw WeirError(
        .unsupported, where: reader.path,
        "holds big-endian numbers (\(type)); save array.astype(\"<\(type.dropFirst())\") instead")
    default:
      throw WeirError(
        .unsupported, where: reader.path,
        "holds numbers of type \(header.type); uint8, float32, float64, int32 and int64 can be read: save array.astype(\"<f4\")")
    }
  }

  private static func readNPYHeader(_ reader: ByteReader) throws(WeirError) -> NPYHeader {
    let start = try reader.read(4)  // "PY", major, minor
    guard start.count == 4, start[0] == UInt8(ascii: "P"), start[1] == UInt8(ascii: "Y") else {
      throw WeirError(.format, where: reader.path, "begins like a .npy file but isn't one")
    }
    guard (1...3).contains(start[2]) else {
      throw WeirError(.version, where: reader.path, "is a .npy file of version \(start[2]); 1 to 3 are known")
    }
    let size = try reader.read(start[2] == 1 ? 2 : 4)
    let length = size.reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= 1 << 20 else {
      throw WeirError(.format, where: reader.path, "claims a .npy header of \(length) bytes, which can't be right")
    }
    let bytes = try reader.read(length)
    guard bytes.count == length else { throw WeirError(.format, where: reader.path, "is cut short in its .npy header") }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let header = NPYHeader(text) else {
      throw WeirError(.format, where: reader.path, "has a .npy header that can't be understood")
    }
    guard !header.fortranOrder else {
      throw WeirError(
        .unsupported, where: reader.path, "is in Fortran order; save numpy.ascontiguousarray(array) instead")
    }
    return header
  }
}

/// A .npy header: a Python dictionary such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }.
struct NPYHeader: Equatable {
  var type: String
  var fortranOrder: Bool
  var shape: [Int]

  init?(_ text: String) {
    guard
      let type = Self.value(of: "descr", in: text), let order = Self.value(of: "fortran_order", in: text),
      let shape = Self.value(of: "shape", in: text), shape.first == "(", shape.last == ")"
    else { return nil }
    var axes: [Int] = []
    for piece in shape.dropFirst().dropLast().split(separator: ",") {
      guard let axis = Int(piece.filter { $0 != " " && $0 != "L" }), axis >= 0 else { return nil }
      axes.append(axis)
    }
    guard order == "True" || order == "False" else { return nil }
    self.type = type.filter { $0 != "'" && $0 != "\"" }
    fortranOrder = order == "True"
    self.shape = axes
  }

  /// The text of the value after 'key':, up to the comma or brace that ends it.
  private static func value(of key: String, in text: String) -> String? {
    let characters = Array(text)
    for quote: Character in ["'", "\""] {
      let wanted = [quote] + Array(key) + [quote]
      guard
        let start = characters.indices.first(where: { characters[$0...].starts(with: wanted) })
      else { continue }
      var index = start + wanted.count
      while index < characters.count, characters[index] == " " || characters[index] == ":" { index += 1 }
      var depth = 0
      var value = ""
      while index < characters.count {
        let character = characters[index]
        if depth == 0, character == "," || character == "}" { break }
        if character == "(" || character == "[" { depth += 1 }
        if character == ")" || character == "]" { depth -= 1 }
        value.append(character)
        index += 1
      }
      while value.last == " " { value.removeLast() }
      return index < characters.count ? value : nil
    }
    return nil
  }
}
