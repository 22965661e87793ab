import Testing
import Weir
import WeirData

@Suite struct LabelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func rows(_ count: Int) -> [UInt8] { FileBytes.npy("|u1", "(\(count), 2)", (0..<2 * count).map { UInt8($0) }) }
  private func labels(_ values: [UInt8]) -> [UInt8] { FileBytes.npy("|u1", "(\(values.count),)", values) }

  private func samples(_ text: String, _ labels: LabelSource = .ignored, classes: [Int] = []) throws -> LabelledSamples {
    var options = ReadingOptions()
    options.labels = labels
    options.classes = classes
    return try InputFile.samples(LabelledInput(text), options)
  }

  private func row(_ input: ModelInput, _ index: Int) -> [Float] {
    var values = [Float](repeating: -1, count: input.dims)
    values.withUnsafeMutableBufferPointer { input.copy(index, into: $0.baseAddress!) }
    return values
  }

  @Test func namesAndClasses() {
    func check(_ text: String, _ name: String, _ path: String, _ classes: [Int]) {
      let input = LabelledInput(text)
      #expect(input.name == name && input.path == path && input.classes == classes, "\(text): \(input)")
    }
    check("a/magic.npz:X@0", "magic:X@0", "a/magic.npz:X", [0])
    check("Gamma=a/magic.npz:X@0,2", "Gamma", "a/magic.npz:X", [0, 2])
    check("t.csv@-1", "t@-1", "t.csv", [-1])
    check("me@home.npy", "me@home", "me@home.npy", [])
    check("a.npy@", "a.npy@", "a.npy@", [])
    check("a.npy@1,", "a.npy@1,", "a.npy@1,", [])
    check("a.npy@+1", "a.npy@+1", "a.npy@+1", [])
    check("@1", "@1", "@1", [])
    check("pictures/", "pictures", "pictures/", [])
  }

  @Test func besideEveryKindOfInput() throws {
    let archive = try folder.write(FileBytes.zip([("X.npy", rows(3)), ("y.npy", labels([4, 5, 4]))]), "a.npz")
    #expect(try samples(archive + ":X", .beside).labels?.values == [4, 5, 4])
    #expect(try samples(archive + ":X").labels == nil)
    #expect(try samples(archive + ":X@4").rows == [0, 2])
    let images: [UInt8] = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8]
    let path = try folder.write(images, "t10k-images-idx3-ubyte")
    #expect(try samples(path, .ifAny).labels == nil)
    expectError(.argument, "has no labels beside it; labels lie in member y") { try samples(path, .beside) }
    _ = try folder.write(FileBytes.gzip([0, 0, 8, 1, 0, 0, 0, 2, 1, 0]), "t10k-labels-idx1-ubyte.gz")
    #expect(try samples(path, .beside).labels?.values == [1, 0])
    #expect(try samples(path + "@0").rows == [1])
  }

  @Test func fromAnInputOfTheirOwn() throws {
    let data = try folder.write(rows(3), "x.npy")
    let own = try folder.write(labels([0, 1, 1]), "own.npy")
    #expect(try samples(data, .input(own), classes: [1]).rows == [1, 2])
    #expect(try samples(data + "@1", .input(own)).rows == [1, 2])
    #expect(try samples(data, .input(folder.write("label\n2\n3\n4\n", "l.csv"))).labels?.values == [2, 3, 4])
    #expect(try samples(data, .input(folder.write("2\n3\n4\n", "l.csv"))).labels?.values == [2, 3, 4])
    #expect(try samples(data, .input(folder.write("id,y\n9,2\n9,3\n9,4\n", "l.csv"))).labels?.values == [2, 3, 4])
    expectError(.format, "has 2 columns, and none is named") { try samples(data, .input(folder.write("a,b\n1,2\n", "l.csv"))) }
    expectError(.shape, "holds 2 labels for the 3 samples") { try samples(data, .input(folder.write(labels([1, 2]), "s.npy"))) }
    expectError(.shape, "has shape [3, 2]; labels are one whole number") { try samples(data, .input(data)) }
    let half = FileBytes.npy("<f4", "(3,)", [0, 0, 0, 0x3f, 0, 0, 0, 0x3f, 0, 0, 0, 0x3f])
    expectError(.argument, "label 0.5 at sample 0") { try samples(data, .input(folder.write(half, "h.npy"))) }
  }

  @Test func classesWithoutSamplesAreRefused() throws {
    let archive = try folder.write(FileBytes.zip([("X.npy", rows(3)), ("y.npy", labels([4, 5, 4]))]), "a.npz")
    expectError(.argument, "has no sample of class 3; its labels are 4, 5") { try samples(archive + ":X@3") }
    expectError(.argument, "no sample of class 3") { try samples(archive + ":X@4,3") }
    expectError(.argument, "classes after its @ and classes by option") { try samples(archive + ":X@4", classes: [5]) }
    expectError(.argument, "has no samples of other classes") { try samples(archive + ":X", .beside).excluding(classes: [4, 5]) }
    #expect(try samples(archive + ":X", .beside).excluding(classes: [4]).rows == [1])
    expectError(.argument, "has no labels to pick samples by") { try samples(archive + ":X").selecting(classes: [4]) }
  }

  @Test func modelInputsOfSomeSamples() throws {
    let archive = try folder.write(FileBytes.zip([("X.npy", rows(5)), ("y.npy", labels([1, 0, 1, 0, 1]))]), "a.npz")
    let input = try ModelInput(samples(archive + ":X@1"), shape: [2], levels: 0)
    #expect(input.count == 3 && input.labels == [1, 1, 1] && row(input, 1) == [4, 5])
    let part = input.selecting(rows: [2, 0])
    #expect(part.count == 2 && row(part, 0) == [8, 9] && row(part, 1) == [0, 1])
    #expect(try row(input.prefix(2), 1) == [4, 5])
    let whole = try ModelInput(samples(archive + ":X", .beside), shape: [2], levels: 0)
    #expect(try whole.prefix(2).labels == [1, 0] && whole.selecting(rows: [4, 3]).labels == [1, 0])
    let array = try DataArray(shape: [3, 1], storage: .float([1, .nan, 2]), kind: .float, source: "x")
    let holes = try ModelInput(array, shape: [1], levels: 0)
    #expect(holes.notFinite == 1 && holes.selecting(rows: [0, 2]).notFinite == 0 && holes.selecting(rows: [1]).notFinite == 1)
  }

  @Test func selectedPicturesScoreAsTheyDoInTheirFile() throws {
    let session = try Flow.open(SmallFlows.trainedImageModel(in: folder)).session(batch: 3)
    let array = try DataArray(shape: [8, 8, 8], storage: .uint8(SmallFlows.pictures(8)), kind: .uint8, source: "x")
    let input = try ModelInput(array, shape: [1, 8, 8], levels: 256)
    let all = try session.score(input)
    session.seek(to: 0)
    #expect(try session.score(input.selecting(rows: [6, 1, 3, 0])) == [all[6], all[1], all[3], all[0]])
  }
}
