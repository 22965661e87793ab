import Weir
import WeirData

/// `data:` which samples to train on, which to hold out, and which to score when training ends. Relative paths start at the current
/// directory.
struct DataRecipe {
  static let keys = [
    "train", "test", "validation", "labels", "class", "out", "negative", "resize", "limit", "test_limit", "shape",
  ]

  static let classRange = 0...Int(Int32.max)

  /// Samples of their own, or a part of the training samples.
  enum Held: Hashable {
    case input(String)
    /// More than 0 and less than 1.
    case fraction(Double)
  }

  /// Where classes come from.
  enum Labels: Hashable {
    /// They lie beside the samples, or there are none.
    case beside
    case input(String)
    /// Not used, though they may be there.
    case none
  }

  /// What is scored against the test samples.
  enum Out: Hashable {
    /// An input, which may have a name: NAME=INPUT.
    case input(String)
    /// The samples of the other classes.
    case others
  }

  /// Training samples.
  var train: String
  /// Scored when training ends.
  var test: Held?
  /// Scored after every epoch; the best model is kept.
  var validation: Held?
  var labels: Labels
  /// Only samples of these classes; empty for all.
  var classes: [Int]
  var out: [Out]
  /// Out-of-distribution samples whose likelihood is to fall (negative training).
  var negative: String?
  /// What pictures of a folder are brought to.
  var resize: PictureSize?
  /// Only so many of the first training samples.
  var limit: Int?
  var testLimit: Int?
  /// [channels, height, width] where the file's shape leaves it open.
  var shape: [Int]?

  private let map: RecipeMap
  /// Keys that an option of the command line replaced, with the option's name.
  private var replaced: [String: String] = [:]

  init(_ map: RecipeMap) throws(WeirError) {
    self.map = map
    guard let path = try map.text("train") else { throw map.error("train", "is missing; it names the training data") }
    train = path
    test = try map.held("test")
    validation = try map.held("validation")
    labels =
      switch try map.text("labels") {
      case nil: .beside
      case "none"?: .none
      case let input?: .input(input)
      }
    classes = try map.oneOrMore("class", in: Self.classRange) ?? []
    if map.has("class"), labels == .none {
      throw map.error("class", "picks samples by their labels, and data.labels says none; leave one of them out")
    }
    out = try map.texts("out")?.map { $0 == "others" ? .others : .input($0) } ?? []
    negative = try map.text("negative")
    if let sides = try map.counts("resize", in: 1...PictureSize.most) {
      guard sides.count == 2 else { throw map.error("resize", "must be [height, width]") }
      resize = PictureSize(height: sides[0], width: sides[1])
    }
    limit = map.has("limit") ? try map.count("limit", in: 2...Int(UInt32.max)) : nil
    testLimit = map.has("test_limit") ? try map.count("test_limit", in: 1...Int(UInt32.max)) : nil
    shape = try map.counts("shape", in: 1...1 << 20)
    if let shape, shape.count != 1, shape.count != 3 {
      throw map.error("shape", "must be [channels, height, width] or [dims]")
    }
    try checkTogether()
  }

  private func checkTogether() throws(WeirError) {
    guard test == nil else { return }
    if !out.isEmpty {
      throw map.error("out", "is scored against data.test, which is missing; add `test: 0.1`, or name a test input")
    }
    if testLimit != nil { throw map.error("test_limit", "has no data.test to apply to") }
  }

  /// Takes the value of a command-line option in place of the key's.
  mutating func replace(_ key: String, by option: String, _ change: (inout DataRecipe) -> Void) {
    change(&self)
    replaced[key] = option
  }

  /// An error about a key, by recipe line or by the option that replaced it.
  func error(_ key: String, _ message: String) -> WeirError {
    guard let option = replaced[key] else { return map.error(key, message) }
    return WeirError(.argument, where: option, message)
  }
}

extension RecipeMap {
  /// A fraction between 0 and 1, or an input; nil when the key is not there.
  fileprivate func held(_ key: String) throws(WeirError) -> DataRecipe.Held? {
    guard let text = try text(key) else { return nil }
    guard let number = Double(text) else { return .input(text) }
    guard number > 0, number < 1 else {
      throw error(key, "is \(text); it must be a fraction of the training samples, more than 0 and less than 1, or name an input")
    }
    return .fraction(number)
  }
}
