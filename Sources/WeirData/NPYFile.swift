import Weir

extension InputFile {
  /// The rest of a .npy file after its first 4 bytes (format versions 1 to 3).
  static func readNPY(_ reader: any ByteSource) throws(WeirError) -> DataArray {
    let header = try readNPYHeader(reader)
    let shape = header.shape
    let count = try elementCount(shape, reader.path)
    func numbers<Number: FixedWidthInteger>(_ type: Number.Type) throws(WeirError) -> [Number] {
      let values = try readNumbers(reader, count, type, shape)
      return header.fortranOrder ? rowMajor(values, shape) : values
    }
    func bytes() throws(WeirError) -> DataArray {
      try DataArray(shape: shape, storage: .uint8(numbers(UInt8.self)), kind: .uint8, source: reader.path)
    }
    func floats(_ values: [Float], _ kind: DataArray.Kind) throws(WeirError) -> DataArray {
      try DataArray(shape: shape, storage: .float(values), kind: kind, source: reader.path)
    }
    func whole<Number: FixedWidthInteger>(_ type: Number.Type) throws(WeirError) -> DataArray {
      try floats(numbers(type).map { Float($0) }, .integer)
    }
    switch header.type {
    case "|u1", "<u1", "u1": return try bytes()
    case "<f4": return try floats(numbers(UInt32.self).map { Float(bitPattern: $0) }, .float)
    case "<f8": return try floats(numbers(UInt64.self).map { Float(Double(bitPattern: $0)) }, .float)
    case "|b1": return try whole(UInt8.self)
    case "|i1": return try whole(Int8.self)
    case "<i2": return try whole(Int16.self)
    case "<u2": return try whole(UInt16.self)
    case "<i4": return try whole(Int32.self)
    case "<u4": return try whole(UInt32.self)
    case "<i8": return try whole(Int64.self)
    case "<u8": return try whole(UInt64.self)
    case let type where type.hasPrefix(">"):
      throw WeirError(
        .unsupported, where: reader.path,
        "holds big-endian numbers (\(type)); save array.astype(\"<\(type.dropFirst())\") instead")
    default:
      throw WeirError(
        .unsupported, where: reader.path,
        "holds numbers of type \(header.type); integers, bool, float32 and float64 can be read: save array.astype(\"<f4\")")
    }
  }

  /// The numbers of an array whose first axis ran fastest (Fortran order), with the last one running fastest.
  private static func rowMajor<Number>(_ values: [Number], _ shape: [Int]) -> [Number] {
    guard let last = shape.last, shape.count > 1, !values.isEmpty else { return values }
    let strides = shape.indices.map { shape[..<$0].reduce(1, *) }
    var index = [Int](repeating: 0, count: shape.count - 1)
    var ordered: [Number] = []
    ordered.reserveCapacity(values.count)
    while ordered.count < values.count {
      let start = zip(index, strides).reduce(0) { $0 + $1.0 * $1.1 }
      for place in 0..<last { ordered.append(values[start + place * strides[shape.count - 1]]) }
      for axis in index.indices.reversed() {
        index[axis] += 1
        if index[axis] < shape[axis] { break }
        index[axis] = 0
      }
    }
    return ordered
  }

  private static func readNPYHeader(_ reader: any ByteSource) throws(WeirError) -> NPYHeader {
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
