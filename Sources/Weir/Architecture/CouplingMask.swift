/// Which part of the input passes unchanged and feeds the network; `reversed` exchanges the parts.
public enum CouplingMask: Sendable, Hashable {
  /// Cells where row + column is odd pass.
  case checkerboard(reversed: Bool = false)
  /// The second half of the channels passes.
  case channel(reversed: Bool = false)
  /// The top half passes.
  case horizontal(reversed: Bool = false)
  /// The left half passes.
  case vertical(reversed: Bool = false)
  /// The first half of the dimensions passes.
  case tabular(reversed: Bool = false)
  /// Quadrant `from` feeds the network, quadrant `to` is changed, the others pass unseen. 0 is top-left, then clockwise.
  case cycle(from: Int, to: Int)
  /// The cycle mask inside each of `factor` x `factor` tiles, every one of which the network sees by itself. `factor` divides height
  /// and width into tiles of 2x2 or more.
  case subQuadrant(factor: Int = 2, from: Int, to: Int)
  /// The frame, `margin` cells wide, passes and feeds the network, and the centre changes. Needs more than 2 `margin` rows and columns.
  case centre(margin: Int = 4, reversed: Bool = false)

  var json: JSONText {
    func mask(_ type: String, _ members: (String, JSONText)...) -> JSONText { .object([("type", .string(type))] + members) }
    switch self {
    case .checkerboard(let reversed): return mask("checkerboard", ("reverse", .bool(reversed)))
    case .channel(let reversed): return mask("channel", ("reverse", .bool(reversed)))
    case .horizontal(let reversed): return mask("horizontal", ("reverse", .bool(reversed)))
    case .vertical(let reversed): return mask("vertical", ("reverse", .bool(reversed)))
    case .tabular(let reversed): return mask("tabular", ("reverse", .bool(reversed)))
    case .cycle(let from, let to): return mask("cycle", ("from", .integer(from)), ("to", .integer(to)))
    case .subQuadrant(let factor, let from, let to):
      return mask("sub_quadrant", ("factor", .integer(factor)), ("from", .integer(from)), ("to", .integer(to)))
    case .centre(let margin, let reversed): return mask("centre", ("margin", .integer(margin)), ("reverse", .bool(reversed)))
    }
  }
}
