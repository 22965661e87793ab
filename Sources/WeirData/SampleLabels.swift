import Weir

/// The class of every sample.
public struct SampleLabels: Sendable, Hashable {
  /// One whole number a sample.
  public let values: [Int32]
  /// What classes are called, where folders name them: index i is class i's.
  public let names: [String]
  /// Where they came from, for error messages.
  public let source: String

  init(_ values: [Int32], names: [String] = [], source: String) {
    self.values = values
    self.names = names
    self.source = source
  }

  /// Takes an array's numbers as labels.
  ///
  /// - Throws: `WeirError.Code.shape` unless it is [n] or [n, 1], `argument` for what is no whole number of 32 bits.
  init(_ array: DataArray) throws(WeirError) {
    guard array.shape.count == 1 || (array.shape.count == 2 && array.shape[1] == 1) else {
      throw WeirError(.shape, where: array.source, "has shape \(array.shape); labels are one whole number a sample, [n]")
    }
    source = array.source
    names = []
    switch array.storage {
    case .uint8(let numbers):
      values = numbers.map { Int32($0) }
    case .float(let numbers):
      values = try Self.whole(numbers, array.source)
    }
  }

  private static func whole(_ numbers: [Float], _ source: String) throws(WeirError) -> [Int32] {
    var values: [Int32] = []
    values.reserveCapacity(numbers.count)
    for (row, number) in numbers.enumerated() {
      guard let value = Int32(exactly: number), abs(number) <= 0x1p24 else {
        throw WeirError(
          .argument, where: source, "has the label \(number) at sample \(row); labels are whole numbers of up to 24 bits")
      }
      values.append(value)
    }
    return values
  }

  /// The classes there are, with their names, for error messages: "0 (cats), 1 (dogs)".
  var listing: String {
    let classes = Set(values).sorted()
    let shown = classes.prefix(20).map { value in
      names.indices.contains(Int(value)) ? "\(value) (\(names[Int(value)]))" : "\(value)"
    }
    return shown.joined(separator: ", ") + (classes.count > shown.count ? " and \(classes.count - shown.count) more" : "")
  }
}

/// Where the labels of an input's samples come from.
public enum LabelSource: Sendable, Hashable {
  /// They are not read, though they may be there.
  case ignored
  /// From beside the samples, if there are any.
  case ifAny
  /// From beside the samples: member `y` of the same .npz, `*-labels-idx1-ubyte` beside `*-images-idx3-ubyte`, the column of a table
  /// that is called label, class, target or y, or the sub-folders in which pictures lie.
  case beside
  /// From another input: one whole number a sample.
  case input(String)
}
