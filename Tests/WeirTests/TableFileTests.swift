import Foundation
import Testing
import WeirData

@Suite struct TableFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func table(_ text: String, _ name: String = "t.csv") throws -> DataArray {
    try InputFile.read(folder.write(text, name))
  }

  private func labelled(_ text: String, _ labels: LabelSource = .beside) throws -> LabelledSamples {
    var options = ReadingOptions()
    options.labels = labels
    return try InputFile.samples(LabelledInput(folder.write(text, "t.csv")), options)
  }

  private func numbers(_ array: DataArray) -> [Float] {
    guard case .float(let values) = array.storage else { return [] }
    return values
  }

  @Test(arguments: [
    "a,b\n1,2\n3,4\n", "1,2\n3,4", "\u{feff}a,b\r\n1,2\r\n3,4\r\n", "a;b\n1;2\n3;4\n\n\n", "a\tb\n1\t2\n3\t4\n", "1,2\r3,4\r",
    "\"a,1\",b\n\"1\", 2 \n3 ,\"4\"\n", "\"a\nb\",\"c\"\"d\"\n1,2\n3,4\n", "# a,b\n+1,2.\n3.0e0,.4E1\n",
  ]) func everySpelling(_ text: String) throws {
    let array = try table(text)
    #expect(array.shape == [2, 2] && array.kind == .float && numbers(array) == [1, 2, 3, 4])
  }

  @Test func oneColumnAndOneRow() throws {
    #expect(try table("x\n1\n2\n").shape == [2, 1])
    #expect(try table("7").shape == [1, 1])
    #expect(try table("1 , 2\n", "t.tsv.CSV").shape == [1, 2])
    #expect(try table("0,1,2\n3,4,5\n").shape == [2, 3] && table("0.0,1.0,2.0\n0.5,1,2\n").shape == [2, 3])
    let packed = try InputFile.read(folder.write(FileBytes.gzip(Array("a,b\n1,2\n".utf8)), "t.csv.gz"))
    #expect(numbers(packed) == [1, 2])
  }

  @Test func numbersAreTheNearestFloats() throws {
    var texts = [
      "0", "-0", "0.1", "16777217", "16777219", "1.00000005960464477539", "3.4028235e38", "3.40282356e38", "1.17549435e-38",
      "1e-45", "7e-46", "123456789012345678901234567890", "0.000000000000000000000000000000000000123", "9007199254740993",
      "2.5e-3", "1e0000000001",
      "1.401298464324817e-45", "8.589973e9", "1E-400", "0.30000001192092896", "33554433.999999999",
    ]
    var state: UInt64 = 1
    for _ in 0..<2000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let value = Float(bitPattern: UInt32(state >> 33))
      guard value.isFinite else { continue }
      // The number, a text of more digits, and one halfway to the next, where rounding is hardest.
      let halfway = (Double(value) + Double(value.nextUp)) / 2
      texts += ["\(value)", String(format: "%.18e", Double(value)), String(format: "%.25g", halfway)]
    }
    texts = texts.filter { Float($0)!.isFinite }
    let read = try numbers(table(texts.joined(separator: "\n")))
    #expect(read.count == texts.count)
    for (text, value) in zip(texts, read) { #expect(value == Float(text)!, "\(text)") }
  }

  @Test(arguments: [
    ("a,b\n1,\n", "t.csv:2:2: column \"b\" is empty; fill it"),
    ("1,2\n,4\n", "t.csv:2:1: is empty"),
    ("a,b\n1,2\n3,blue\n", "t.csv:3:2: column \"b\" holds \"blue\", which is no number; number its categories"),
    ("a,b\nNaN,2\n", "t.csv:2:1: column \"a\" holds \"NaN\""),
    ("nan,2\n", "t.csv:1:1: holds \"nan\""),
    ("1,2\n3,-Inf\n", "t.csv:2:2: holds \"-Inf\""),
    ("1,2\n3,1e39\n", "t.csv:2:2: holds 1e39, which is larger"),
    ("1,2\n3\n", "t.csv:2: has 1 column, the first line 2"),
    ("1,2,3\n4,5\n", "t.csv:2: has 2 columns, the first line 3"),
    ("1,2\n3,4,5\n", "t.csv:2: has more than the 2 columns of the first line"),
    ("a,b\n1,2,\n", "t.csv:2: has more than the 2 columns"),
    ("a;b\n1,5;2\n", "t.csv:2:1: column \"a\" holds \"1,5\"; write numbers with a decimal point"),
    ("1,2\n\n3,4\n", "t.csv:2: is a blank line between rows"),
    ("1,2\n3,\"4\n5,6\n", "t.csv:2:2: opens a quote that is never closed"),
    ("\"a\nb\",c\n1,x\n", "t.csv:3:2"),
    ("1,2\n3,0x10\n", "t.csv:2:2: holds \"0x10\""),
    ("1,2\n3,1e\n", "holds \"1e\""), ("1,2\n3,-\n", "holds \"-\""),
    ("1 2\n3 4\n", "t.csv:2:1: column \"1 2\" holds \"3 4\"; separate columns by commas"), ("1,2\n3,.\n", "holds \".\""),
    ("0,1,2\n0.5,1,2\n", "t.csv:1: is 0, 1, 2, ..., the names that pandas gives columns"),
    (",a,b\n0,1,2\n", "t.csv:1:1: has no name, where the others have (row numbers of pandas?)"),
    ("", "holds no rows"), ("\n", "holds no rows"), ("a,b\n", "holds no rows"), ("a,b", "holds no rows"),
    ("a,y,class\n1,2,3\n", "t.csv:1:3: is named \"class\" and column 2 \"y\""),
    ("label\n1\n", "no column but \"label\""),
    ("1,2\n3,\u{0}\n", "t.csv:2:2"),
  ]) func whatIsNoTableOfNumbersIsRefused(_ text: String, _ message: String) throws {
    expectError(.format, message) { try table(text) }
  }

  @Test func otherEncodingsAreRefused() throws {
    expectError(.format, "UTF-16") { try InputFile.read(folder.write([0xff, 0xfe, 0x31, 0], "u.csv")) }
  }

  @Test func randomBytesNeverCrash() throws {
    var state: UInt64 = 9
    let alphabet = Array("0123456789.,;\t\"\n\r eE+-naN\u{0}".utf8)
    for _ in 0..<150 {
      var bytes: [UInt8] = []
      for _ in 0..<60 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        bytes.append(alphabet[Int(state >> 33) % alphabet.count])
      }
      let path = try folder.write(bytes, "r.csv")
      if let array = try? InputFile.read(path) { #expect(numbers(array).allSatisfy { $0.isFinite }) }
    }
  }

  @Test(arguments: ["label", "Class", "TARGET", " y "]) func aLabelColumnIsNoFeature(_ name: String) throws {
    let text = "a,\(name),b\n1,7,2\n3,-1,4\n"
    #expect(try numbers(table(text)) == [1, 2, 3, 4])
    let samples = try labelled(text)
    #expect(samples.labels?.values == [7, -1] && numbers(samples.array) == [1, 2, 3, 4])
  }

  @Test func labelsThatAreNone() throws {
    let text = "a,y\n1,cat\n2,dog\n"
    #expect(try numbers(table(text)) == [1, 2])
    expectError(.format, "t.csv:2:2: column \"y\" holds the label \"cat\"; labels are whole numbers") { try labelled(text) }
    expectError(.format, "label \"0.5\"") { try labelled("a,y\n1,0.5\n") }
    expectError(.format, "holds no label") { try labelled("a,y\n1,\n") }
    #expect(try labelled("a,y\n1,2.0\n").labels?.values == [2])
    expectError(.argument, "no column named label") { try labelled("a,b\n1,2\n") }
    #expect(try labelled("a,b\n1,2\n", .ifAny).labels == nil)
    #expect(try labelled("a,y\n1,2\n", .ignored).labels == nil)
  }
}
