import Testing
import Weir
import WeirData

@Suite struct ModelInputTests {
  private func array(_ shape: [Int], _ values: [UInt8]) throws -> DataArray {
    try DataArray(shape: shape, storage: .uint8(values), kind: .uint8, source: "x.npy")
  }

  private func array(_ shape: [Int], _ values: [Float], _ kind: DataArray.Kind = .float) throws -> DataArray {
    try DataArray(shape: shape, storage: .float(values), kind: kind, source: "x.npy")
  }

  private func row(_ input: ModelInput, _ index: Int) -> [Float] {
    var values = [Float](repeating: -1, count: input.dims)
    values.withUnsafeMutableBufferPointer { input.copy(index, into: $0.baseAddress!) }
    return values
  }

  @Test func layouts() throws {
    let values = [UInt8](0..<24)
    let first = try ModelInput(array([2, 3, 2, 2], values), shape: [3, 2, 2], levels: 256)
    #expect(row(first, 1) == (12..<24).map { Float($0) })
    let last = try ModelInput(array([2, 2, 2, 3], values), shape: [3, 2, 2], levels: 256)
    #expect(row(last, 0) == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11])
    let plain = try ModelInput(array([6, 2, 2], values), shape: [1, 2, 2], levels: 256)
    #expect(plain.count == 6 && row(plain, 5) == [20, 21, 22, 23])
    let trailing = try ModelInput(array([6, 2, 2, 1], values), shape: [1, 2, 2], levels: 256)
    #expect(row(trailing, 5) == [20, 21, 22, 23])
  }

  @Test func ambiguousAndWrongShapesAreRefused() throws {
    let cube = try array([1, 3, 3, 3], [UInt8](repeating: 0, count: 27))
    expectError(.shape, "could be NCHW or NHWC") { try ModelInput(cube, shape: [3, 3, 3], levels: 256) }
    let wide = try array([1, 2, 3], [UInt8](repeating: 0, count: 6))
    expectError(.shape, "the model wants [n, 1, 3, 2]") { try ModelInput(wide, shape: [1, 3, 2], levels: 256) }
    expectError(.shape, "the model wants [n, 6]") { try ModelInput(wide, shape: [6], levels: 0) }
    expectError(.shape, "no samples") { try ModelInput(array([0, 2], [UInt8]()), shape: [2], levels: 0) }
  }

  @Test func floatImagesScoreAsTheirBytes() throws {
    let bytes = [UInt8](0...255)
    let floats = bytes.map { Float($0) / 255 }
    let input = try ModelInput(array([1, 16, 16], floats), shape: [1, 16, 16], levels: 256)
    #expect(row(input, 0) == bytes.map { Float($0) })
  }

  @Test func imageRangesAreChecked() throws {
    expectError(.argument, "0..1") { try ModelInput(array([1, 1, 2], [0, 255] as [Float]), shape: [1, 1, 2], levels: 256) }
    expectError(.argument, "0..255") {
      try ModelInput(array([1, 1, 2], [0, 256] as [Float], .integer), shape: [1, 1, 2], levels: 256)
    }
    let table = try ModelInput(array([1, 2], [-1e6, 300] as [Float]), shape: [2], levels: 0)
    #expect(row(table, 0) == [-1e6, 300])
  }

  @Test func whatIsNotFiniteIsCounted() throws {
    let values: [Float] = [0, .nan, 1, 1, .infinity, .nan]
    #expect(try ModelInput(array([3, 2], values), shape: [2], levels: 0).notFinite == 2)
    #expect(try ModelInput(array([3, 2], values), shape: [2], levels: 0).prefix(2).notFinite == 1)
  }

  @Test func shapesOfModelsFromData() throws {
    #expect(try array([5, 7], [UInt8](repeating: 0, count: 35)).modelShape() == [7])
    #expect(try array([1, 4, 6], [UInt8](repeating: 0, count: 24)).modelShape() == [1, 4, 6])
    #expect(try array([1, 3, 2, 2], [UInt8](repeating: 0, count: 12)).modelShape() == [3, 2, 2])
    #expect(try array([1, 2, 2, 3], [UInt8](repeating: 0, count: 12)).modelShape() == [3, 2, 2])
    expectError(.shape, "data.shape") { try array([1, 3, 3, 3], [UInt8](repeating: 0, count: 27)).modelShape() }
  }

  @Test func labels() {
    #expect(LabelledInput("MNIST=a/b.npy").name == "MNIST")
    #expect(LabelledInput("MNIST=a/b.npy").path == "a/b.npy")
    #expect(LabelledInput("data/t10k.idx.gz").name == "t10k")
    #expect(LabelledInput("a/x=y.npy").path == "a/x=y.npy")
  }

  @Test func stretches() throws {
    let input = LabelledInput("Digits=a/b.npy[10:20]@3")
    #expect(input.name == "Digits" && input.path == "a/b.npy" && input.classes == [3])
    #expect(input.range == SampleRange(start: 10, end: 20))
    #expect(LabelledInput("a/b.npy[:5]").range == SampleRange(start: 0, end: 5))
    #expect(LabelledInput("a/b.npy[5:]").range == SampleRange(start: 5, end: nil))
    #expect(LabelledInput("a/b.npy[5:]").name == "b[5:]")
    #expect(LabelledInput("a/b[1]").range == nil && LabelledInput("a/b[1]").path == "a/b[1]")
    let folder = try TemporaryFolder()
    try OutputFile.writeNPY((0..<12).map { Float($0) }, shape: [6, 2], to: folder("x.npy"))
    let part = try ModelInput(InputFile.samples(LabelledInput(folder("x.npy[2:4]"))), shape: [2], levels: 0)
    var row: [Float] = [0, 0]
    part.copy(1, into: &row)
    #expect(part.count == 2 && row == [6, 7])
    for wrong in ["[4:4]", "[3:7]", "[7:]"] {
      expectError(.argument, "has 6 samples, and") { try InputFile.samples(LabelledInput(folder("x.npy") + wrong)) }
    }
  }
}
