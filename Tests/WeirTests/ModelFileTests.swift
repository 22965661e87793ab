import Foundation
import Testing
import Weir

@Suite struct ModelFileTests {
  private let folder: TemporaryFolder
  private let bytes: [UInt8]

  init() throws {
    folder = try TemporaryFolder()
    bytes = try Array(Data(contentsOf: URL(fileURLWithPath: SmallFlows.trainedImageModel(in: folder))))
  }

  @Test func opensFromMemory() throws {
    let pictures = SmallFlows.pictures(3)
    let fromFile = try Flow.open(folder("image.safetensors"))
    #expect(try Flow.open(bytes: bytes).session().score(pictures) == fromFile.session().score(pictures))
  }

  @Test func truncationsAreRefused() {
    for length in stride(from: 0, to: bytes.count, by: 61) {
      #expect(throws: WeirError.self) { try Flow.open(bytes: Array(bytes[..<length])) }
    }
    #expect(throws: WeirError.self) { try Flow.open(bytes: bytes + [0]) }
  }

  @Test func pathsAreNamed() throws {
    expectError(.io, "none.safetensors") { try Flow.open(folder("none.safetensors")) }
    let path = try folder.write("hello", "text.safetensors")
    #expect(throws: WeirError.self) { try Flow.open(path) }
  }

  @Test func liesInTheDescriptionAreRefused() throws {
    let text = String(decoding: bytes.prefix { _ in true }, as: Unicode.ASCII.self)
    #expect(text.contains("checkerboard"))
    // Same length, so that the container stays valid.
    let old = Array("checkerboard".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: old) })
    var wrong = bytes
    wrong.replaceSubrange(place..<place + old.count, with: Array("chequerboard".utf8))
    expectError(.spec, "chequerboard") { try Flow.open(bytes: wrong) }
  }
}
