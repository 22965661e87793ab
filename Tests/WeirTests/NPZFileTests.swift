import Foundation
import Testing
import WeirData

@Suite struct NPZFileTests {
  private let folder: TemporaryFolder
  private let rows = FileBytes.npy("|u1", "(3, 2)", [1, 2, 3, 4, 5, 6])
  private let labels = FileBytes.npy("|u1", "(3,)", [0, 1, 0])

  init() throws { folder = try TemporaryFolder() }

  private func archive(_ members: [(name: String, data: [UInt8])], _ name: String = "a.npz") throws -> String {
    try folder.write(FileBytes.zip(members), name)
  }

  @Test func readsMembers() throws {
    let path = try archive([("X.npy", rows), ("y.npy", labels), ("notes.txt", [65])])
    #expect(try InputFile.read(path + ":X").shape == [3, 2])
    #expect(try InputFile.read(path + ":y").shape == [3])
    expectError(.argument, "has the arrays X, y; name one, as in") { try InputFile.read(path) }
    expectError(.argument, "has no array \"Z\"; it has X, y") { try InputFile.read(path + ":Z") }
    expectError(.argument, "has no array \"notes.txt\"") { try InputFile.read(path + ":notes.txt") }
    #expect(try InputFile.read(archive([("only.npy", rows)])).shape == [3, 2])
    #expect(try InputFile.read(archive([("only.npy", rows)], "renamed")).shape == [3, 2])
    expectError(.argument, "has the arrays none") { try InputFile.read(archive([("a.txt", [1])])) }
  }

  /// As numpy.savez_compressed wrote it: deflated, with 64-bit sizes. X is 40 rows of 0, 1, 2 (float32); y is 0, 1, 2, 0, ... (int64).
  @Test func readsNumpysCompressedArchives() throws {
    let text = """
      UEsDBC0AAAAIAAAAIQC1B2pQ//////////8FABQAWC5ucHkBABAAYAIAAAAAAABTAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TZqKuo6Cell9UUpSYF59f\
      lJIKEndLzClOBYoXZyQWpAL5GiYGOgrGmjoKtQrkAi4GMGiwBxIOo+zhxwYAUEsDBC0AAAAIAAAAIQBjfnP8//////////8FABQAeS5ucHkBABAAwAEAAAAAAABS\
      AAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loG6TaaGuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GiYGOpo6CrUK5AMuBihghNJMDKhgVBy/OABQSwEC\
      LQMtAAAACAAAACEAtQdqUFMAAABgAgAABQAAAAAAAAAAAAAAgAEAAAAAWC5ucHlQSwECLQMtAAAACAAAACEAY35z/FIAAADAAQAABQAAAAAAAAAAAAAAgAGKAAAA\
      eS5ucHlQSwUGAAAAAAIAAgBmAAAAEwEAAAAA
      """
    let path = try folder.write(Array(try #require(Data(base64Encoded: text))), "n.npz")
    var options = ReadingOptions()
    options.labels = .beside
    let samples = try InputFile.samples(LabelledInput(path + ":X"), options)
    #expect(samples.array.shape == [40, 3])
    #expect(samples.labels?.values == (0..<40).map { Int32($0 % 3) })
  }

  @Test func damageIsRefused() throws {
    let whole = FileBytes.zip([("X.npy", rows), ("y.npy", labels)])
    for length in 0..<whole.count {
      let path = try folder.write(Array(whole.prefix(length)), "cut.npz")
      #expect(throws: (any Error).self, "\(length)") { try InputFile.read(path + ":X") }
    }
    // Every byte of the member's data is under its CRC.
    for index in 35..<35 + rows.count {
      var bytes = whole
      bytes[index] ^= 0x20
      let path = try folder.write(bytes, "flipped.npz")
      #expect(throws: (any Error).self, "\(index)") { try InputFile.read(path + ":X") }
    }
  }

  @Test func liesAreRefused() throws {
    let bomb = try folder.write(FileBytes.zip([("X.npy", rows)], size: 1 << 31, method: 8), "bomb.npz")
    expectError(.format, "claims 2147483648 bytes unpacked from") { try InputFile.read(bomb + ":X") }
    let method = try folder.write(FileBytes.zip([("X.npy", rows)], method: 12), "method.npz")
    expectError(.unsupported, "packed by method 12; save it with numpy.savez") { try InputFile.read(method + ":X") }
    expectError(.format, "is no .npy array") { try InputFile.read(archive([("X.npy", [1, 2, 3, 4, 5])]) + ":X") }
    let long = FileBytes.npy("|u1", "(3, 200000000)", [1, 2, 3])
    expectError(.format, "cut short") { try InputFile.read(archive([("X.npy", long)]) + ":X") }
    expectError(.format, "damaged .npz archive") { try InputFile.read(folder.write("PK, or not", "text.npz") + ":X") }
    expectError(.io, "check the path") { try InputFile.read(folder("none.npz:X")) }
  }
}
