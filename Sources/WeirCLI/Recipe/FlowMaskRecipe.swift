import Weir

extension CouplingMask {
  /// Every key that a mask can have.
  static let recipeKeys = ["type", "reverse", "from", "to", "factor", "margin"]
}

extension RecipeMap {
  /// `mask:` which part feeds the network of a coupling, and which changes.
  func mask() throws(WeirError) -> CouplingMask {
    let halves = ["checkerboard", "channel", "horizontal", "vertical", "tabular"]
    let type = try choice("type", halves + ["cycle", "sub_quadrant", "centre"])
    let options =
      switch type {
      case "cycle": ["from", "to"]
      case "sub_quadrant": ["factor", "from", "to"]
      case "centre": ["margin", "reverse"]
      default: ["reverse"]
      }
    try refuse(CouplingMask.recipeKeys, besides: ["type"] + options, "does not apply to the \(type) mask")
    func reversed() throws(WeirError) -> Bool { try flag("reverse", default: false) }
    func quadrant(_ key: String) throws(WeirError) -> Int { try count(key, in: 0...3) }
    switch type {
    case "cycle": return .cycle(from: try quadrant("from"), to: try quadrant("to"))
    case "sub_quadrant":
      return .subQuadrant(factor: try count("factor", in: 2...64, default: 2), from: try quadrant("from"), to: try quadrant("to"))
    case "centre": return .centre(margin: try count("margin", in: 1...1 << 20, default: 4), reversed: try reversed())
    case "channel": return .channel(reversed: try reversed())
    case "horizontal": return .horizontal(reversed: try reversed())
    case "vertical": return .vertical(reversed: try reversed())
    case "tabular": return .tabular(reversed: try reversed())
    default: return .checkerboard(reversed: try reversed())
    }
  }
}
