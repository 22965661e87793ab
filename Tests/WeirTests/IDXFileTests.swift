import Testing
import WeirData

@Suite struct IDXFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private let header: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3]
  private let pixels = [UInt8](1...12)

  @Test func readsBytes() throws {
    let array = try InputFile.read(folder.write(header + pixels, "a.idx"))
    #expect(array.shape == [2, 2, 3] && array.kind == .uint8)
    guard case .uint8(let values) = array.storage else {
      Issue.record("not uint8")
      return
    }
    #expect(values == pixels)
  }

  @Test func readsFloats() throws {
    let array = try InputFile.read(folder.write([0, 0, 0x0d, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], "f.idx"))
    guard case .float(let values) = array.storage else {
      Issue.record("not float")
      return
    }
    #expect(values == [1, -2])
  }

  private var gzipped: [UInt8] { FileBytes.gzip(header + pixels) }

  @Test func readsGzip() throws {
    let array = try InputFile.read(folder.write(gzipped, "a.gz"))
    #expect(array.shape == [2, 2, 3])
  }

  @Test func everyTruncationIsRefused() throws {
    for length in 4..<(header + pixels).count {
      let path = try folder.write(Array((header + pixels).prefix(length)), "cut.idx")
      expectError(.format, "cut short") { try InputFile.read(path) }
    }
    for length in 2..<gzipped.count {
      let path = try folder.write(Array(gzipped.prefix(length)), "cut.gz")
      #expect(throws: (any Error).self) { try InputFile.read(path) }
    }
  }

  @Test func bitFlipsInGzipAreRefused() throws {
    for index in 15..<gzipped.count {
      var bytes = gzipped
      bytes[index] ^= 0x10
      let path = try folder.write(bytes, "flipped.gz")
      #expect(throws: (any Error).self) { try InputFile.read(path) }
    }
  }

  @Test func liesAreRefused() throws {
    expectError(.format, "bytes after") { try InputFile.read(folder.write(header + pixels + [0], "long.idx")) }
    expectError(.unsupported, "type 0x9") { try InputFile.read(folder.write([0, 0, 9, 1, 0, 0, 0, 1, 5], "type.idx")) }
    expectError(.format, "axes") { try InputFile.read(folder.write([0, 0, 8, 9, 0, 0, 0, 1], "rank.idx")) }
    let huge: [UInt8] = [0, 0, 8, 3] + [UInt8](repeating: 0xff, count: 12)
    expectError(.format, "can't be right") { try InputFile.read(folder.write(huge, "huge.idx")) }
    let large: [UInt8] = [0, 0, 8, 2, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 200]
    expectError(.format, "cut short") { try InputFile.read(folder.write(large, "large.idx")) }
  }

  @Test func otherFilesAreNamed() throws {
    expectError(.io, "check the path") { try InputFile.read(folder("none")) }
    expectError(.unsupported, "is a folder") { try InputFile.read(folder.path) }
    expectError(.unsupported, "empty") { try InputFile.read(folder.write("", "empty")) }
    expectError(.unsupported, "PNG") { try InputFile.read(folder.write([0x89, 0x50, 0x4e, 0x47, 0], "a.png")) }
    expectError(.io, "check the path") { try InputFile.read("a.npz:x") }
    expectError(.argument, "empty path; name a file") { try InputFile.read("") }
  }
}
