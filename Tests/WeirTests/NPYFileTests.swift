import Testing
import WeirData

@Suite struct NPYFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
    let length = header.utf8.count
    let size: [UInt8] = version == 1 ? [UInt8(length & 255), UInt8(length >> 8)] : [UInt8(length & 255), UInt8(length >> 8), 0, 0]
    return [0x93] + Array("NUMPY".utf8) + [version, 0] + size + Array(header.utf8) + data
  }

  private func read(_ type: String, _ shape: String, _ data: [UInt8], version: UInt8 = 1) throws -> DataArray {
    let header = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }\n"
    return try InputFile.read(folder.write(file(header, data, version: version), "a.npy"))
  }

  private func floats(_ array: DataArray) -> [Float] {
    guard case .float(let values) = array.storage else { return [] }
    return values
  }

  private func bytes<Number: FixedWidthInteger>(_ values: [Number]) -> [UInt8] {
    values.flatMap { value in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
  }

  @Test(arguments: [UInt8(1), 2, 3]) func everyVersion(_ version: UInt8) throws {
    let array = try read("|u1", "(2, 3)", [1, 2, 3, 4, 5, 6], version: version)
    #expect(array.shape == [2, 3] && array.kind == .uint8)
  }

  @Test func everyType() throws {
    let f4 = try read("<f4", "(2,)", bytes([Float(1.5).bitPattern, Float(-2).bitPattern]))
    #expect(floats(f4) == [1.5, -2] && f4.kind == .float && f4.shape == [2])
    #expect(try floats(read("<f8", "(1, 2)", bytes([Double(0.5).bitPattern, Double(3).bitPattern]))) == [0.5, 3])
    let i4 = try read("<i4", "(2,)", bytes([Int32(-7), 255]))
    #expect(floats(i4) == [-7, 255] && i4.kind == .integer)
    #expect(try floats(read("<i8", "(1,)", bytes([Int64(200)]))) == [200])
  }

  @Test func wholeNumbersOfEverySize() throws {
    for (type, bytes) in [("|b1", 1), ("|i1", 1), ("<i2", 2), ("<u2", 2), ("<u4", 4)] {
      let array = try read(type, "(1,)", FileBytes.little(1, bytes))
      #expect(floats(array) == [1] && array.kind == .integer, "\(type)")
    }
    #expect(try floats(read("<i2", "(1,)", bytes([Int16(-300)]))) == [-300])
    #expect(try floats(read("<u2", "(1,)", bytes([UInt16(65535)]))) == [65535])
    #expect(try floats(read("<u8", "(1,)", bytes([UInt64(7)]))) == [7])
  }

  @Test func sixteenBitImagesAreToldToBecomeEightBit() throws {
    let array = try read("<u2", "(1, 1, 2)", bytes([UInt16(3), 4096]))
    expectError(.argument, "4096.0 in image 0, outside 0..255; whole numbers are 8-bit image values; bring 16-bit ones down") {
      try ModelInput(array, shape: [1, 1, 2], levels: 256)
    }
  }

  @Test func fortranOrder() throws {
    let values = (0..<24).map { UInt8($0) }
    let file = FileBytes.npy("|u1", "(2, 3, 4)", values, order: "True")
    let array = try InputFile.read(folder.write(file, "f.npy"))
    // Element [a, b, c] lies at a + 2 b + 6 c.
    var expected: [UInt8] = []
    for (a, b) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)] { expected += (0..<4).map { UInt8(a + 2 * b + 6 * $0) } }
    guard case .uint8(let read) = array.storage else {
      Issue.record("not uint8")
      return
    }
    #expect(array.shape == [2, 3, 4] && read == expected)
    let line = FileBytes.npy("<f4", "(2,)", bytes([Float(1).bitPattern, Float(2).bitPattern]), order: "True")
    #expect(try floats(InputFile.read(folder.write(line, "l.npy"))) == [1, 2])
  }

  @Test func remediesAreNamed() throws {
    expectError(.unsupported, "astype(\"<f4\")") { try read(">f4", "(1,)", [0, 0, 0, 0]) }
    expectError(.unsupported, "float32") { try read("<f2", "(1,)", [0, 0]) }
    expectError(.unsupported, "float32") { try read("|O", "(1,)", [0, 0]) }
  }

  @Test func liesAreRefused() throws {
    expectError(.format, "cut short") { try read("<f4", "(3,)", [0, 0, 0, 0]) }
    expectError(.format, "bytes after") { try read("|u1", "(3,)", [1, 2, 3, 4]) }
    expectError(.format, "can't be right") { try read("|u1", "(9223372036854775807, 4)", []) }
    expectError(.format, "understood") { try read("|u1", "(-1,)", [1]) }
    expectError(.format, "understood") { try read("|u1", "3", [1, 2, 3]) }
    expectError(.format, "understood") { try InputFile.read(folder.write(file("{'descr': '|u1'", []), "h.npy")) }
    expectError(.version, "version 9") { try InputFile.read(folder.write(file("{}", [], version: 9), "v.npy")) }
    expectError(.format, "isn't one") { try InputFile.read(folder.write([0x93, 0x4e, 0x55, 0x4d, 0, 0, 0, 0], "m.npy")) }
  }

  @Test func everyTruncationIsRefused() throws {
    let whole = file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", bytes([UInt32(1), 2]))
    for length in 0..<whole.count {
      let path = try folder.write(Array(whole.prefix(length)), "cut.npy")
      #expect(throws: (any Error).self) { try InputFile.read(path) }
    }
  }

  @Test func writesWhatItReads() throws {
    let values: [Float] = [0, 1, -2.5, .infinity, 3, 4]
    try OutputFile.writeNPY(values, shape: [3, 2], to: folder("w.npy"))
    let array = try InputFile.read(folder("w.npy"))
    #expect(array.shape == [3, 2])
    #expect(floats(array) == values)
    try OutputFile.writeNPY([UInt8(7)], shape: [1], to: folder("b.npy"))
    #expect(try InputFile.read(folder("b.npy")).kind == .uint8)
    expectError(.shape, "3 numbers") { try OutputFile.writeNPY([1.0, 2, 3], shape: [2], to: folder("s.npy")) }
    expectError(.io, "check the folder") { try OutputFile.writeNPY([1.0], shape: [1], to: folder("no/s.npy")) }
  }
}
