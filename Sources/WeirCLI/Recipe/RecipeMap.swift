import Weir
import Yams

/// One mapping of a recipe: typed, range-checked members, with errors that name line and key.
struct RecipeMap {
  let file: String
  /// "train", "flow.steps[2].net"; empty at the top.
  let path: String
  private let line: Int
  private let members: [(key: String, line: Int, value: Node)]

  /// - Parameter keys: the known ones; others are refused with the nearest of these.
  /// - Throws: `WeirError.Code.argument`, when `node` is no mapping too.
  init(_ node: Node, file: String, path: String, keys: [String]) throws(WeirError) {
    self.file = file
    self.path = path
    line = node.mark?.line ?? 1
    guard case .mapping(let mapping) = node else {
      throw Self.error(file, line, "\(path.isEmpty ? "a recipe" : path) must hold keys and values, \"key: value\"")
    }
    var members: [(key: String, line: Int, value: Node)] = []
    for (key, value) in mapping {
      let keyLine = key.mark?.line ?? line
      guard case .scalar(let scalar) = key else { throw Self.error(file, keyLine, "a key must be a plain word") }
      let name = scalar.string
      guard keys.contains(name) else {
        let place = path.isEmpty ? name : "\(path).\(name)"
        let guess = nearest(to: name, among: keys).map { "did you mean \($0)?" } ?? "known are \(keys.joined(separator: ", "))"
        throw Self.error(file, keyLine, "\(place) is not a known key; \(guess)")
      }
      members.append((name, keyLine, value))
    }
    self.members = members
  }

  static func error(_ file: String, _ line: Int, _ message: String) -> WeirError {
    WeirError(.argument, where: "\(file):\(line)", message)
  }

  /// An error about member `key`, or about this mapping when it has none such.
  func error(_ key: String, _ message: String) -> WeirError {
    Self.error(file, member(key)?.line ?? line, "\(place(key)) \(message)")
  }

  func has(_ key: String) -> Bool { member(key) != nil }

  /// The raw value of `key`.
  func node(_ key: String) -> Node? { member(key)?.value }

  func place(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

  /// A nested mapping.
  func map(_ key: String, keys: [String]) throws(WeirError) -> RecipeMap {
    guard let node = node(key) else { throw error(key, "is missing") }
    return try RecipeMap(node, file: file, path: place(key), keys: keys)
  }

  /// Text of a scalar, quoted or not; nil when the key is not there.
  func text(_ key: String) throws(WeirError) -> String? {
    guard let node = node(key) else { return nil }
    guard case .scalar(let scalar) = node, !scalar.string.isEmpty else { throw error(key, "must be text") }
    return scalar.string
  }

  /// Text of an unquoted scalar; nil when the key is not there.
  private func plain(_ key: String, _ wanted: String) throws(WeirError) -> String? {
    guard let node = node(key) else { return nil }
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else {
      throw error(key, "must be \(wanted)")
    }
    return scalar.string
  }

  /// A whole number in `range`.
  func count(_ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil) throws(WeirError) -> Int {
    let wanted = "a whole number, \(range.lowerBound) to \(range.upperBound)"
    guard let text = try plain(key, wanted) else {
      guard let fallback else { throw error(key, "is missing; it must be \(wanted)") }
      return fallback
    }
    guard let value = Int(text) else { throw error(key, "is \"\(text)\"; it must be \(wanted)") }
    guard range.contains(value) else { throw error(key, "is \(value); it must be \(range.lowerBound) to \(range.upperBound)") }
    return value
  }

  /// A number in `range`.
  func number(_ key: String, in range: ClosedRange<Double>, default fallback: Double? = nil) throws(WeirError) -> Double {
    let wanted = "a number, \(range.lowerBound) to \(range.upperBound)"
    guard let text = try plain(key, wanted) else {
      guard let fallback else { throw error(key, "is missing; it must be \(wanted)") }
      return fallback
    }
    guard let value = Double(text), value.isFinite else { throw error(key, "is \"\(text)\"; it must be \(wanted)") }
    guard range.contains(value) else { throw error(key, "is \(text); it must be \(range.lowerBound) to \(range.upperBound)") }
    return value
  }

  /// true or false.
  func flag(_ key: String, default fallback: Bool) throws(WeirError) -> Bool {
    guard let text = try plain(key, "true or false") else { return fallback }
    guard let value = Bool(text) else { throw error(key, "is \"\(text)\"; it must be true or false") }
    return value
  }

  /// One of the choices.
  func choice(_ key: String, _ choices: [String], default fallback: String? = nil) throws(WeirError) -> String {
    guard let text = try text(key) else {
      guard let fallback else { throw error(key, "is missing; it must be \(choices.joined(separator: ", "))") }
      return fallback
    }
    guard choices.contains(text) else {
      let guess = nearest(to: text, among: choices).map { "did you mean \($0)?" } ?? "known are \(choices.joined(separator: ", "))"
      throw error(key, "is \"\(text)\", which is not known; \(guess)")
    }
    return text
  }

  /// One of the words of an enum.
  func oneOf<Choice: RawRepresentable & CaseIterable>(
    _ key: String, _ type: Choice.Type, default fallback: Choice? = nil
  ) throws(WeirError) -> Choice where Choice.RawValue == String {
    let word = try choice(key, Choice.allCases.map(\.rawValue), default: fallback?.rawValue)
    guard let choice = Choice(rawValue: word) else { throw error(key, "is \"\(word)\", which is not known") }
    return choice
  }

  /// Items of a list; nil when the key is not there.
  func list(_ key: String) throws(WeirError) -> [Node]? {
    guard let node = node(key) else { return nil }
    guard case .sequence(let sequence) = node else { throw error(key, "must be a list") }
    return Array(sequence)
  }

  /// A list of whole numbers in `range`; nil when the key is not there.
  func counts(_ key: String, in range: ClosedRange<Int>) throws(WeirError) -> [Int]? {
    guard let items = try list(key) else { return nil }
    var values: [Int] = []
    for item in items {
      guard case .scalar(let scalar) = item, let value = Int(scalar.string), range.contains(value) else {
        throw error(key, "must be a list of whole numbers, \(range.lowerBound) to \(range.upperBound)")
      }
      values.append(value)
    }
    return values
  }

  /// One whole number in `range`, or a list of them; nil when the key is not there.
  func oneOrMore(_ key: String, in range: ClosedRange<Int>) throws(WeirError) -> [Int]? {
    guard let node = node(key) else { return nil }
    if case .sequence = node { return try counts(key, in: range) }
    return [try count(key, in: range)]
  }

  /// One text, or a list of them; nil when the key is not there.
  func texts(_ key: String) throws(WeirError) -> [String]? {
    guard let node = node(key) else { return nil }
    guard case .sequence = node else { return try text(key).map { [$0] } }
    return try list(key)?.map { (item) throws(WeirError) in
      guard case .scalar(let scalar) = item, !scalar.string.isEmpty else { throw error(key, "must be text, or a list of texts") }
      return scalar.string
    }
  }

  /// Refuses members that exist elsewhere but not here.
  func refuse(_ known: [String], besides allowed: [String], _ reason: String) throws(WeirError) {
    for key in known where has(key) && !allowed.contains(key) {
      throw error(key, allowed.isEmpty ? reason : "\(reason); known there: \(allowed.joined(separator: ", "))")
    }
  }

  private func member(_ key: String) -> (key: String, line: Int, value: Node)? { members.first { $0.key == key } }
}
