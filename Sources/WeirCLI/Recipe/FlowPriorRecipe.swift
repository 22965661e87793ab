import Weir

extension RecipeMap {
  /// `flow.prior`: one word, or a mapping with a type and its options.
  func prior() throws(WeirError) -> Prior {
    let types = ["standard_normal", "learned_normal", "gaussian_mixture"]
    var type = "standard_normal"
    var options: RecipeMap?
    if let node = node("prior"), case .mapping = node {
      let map = try map("prior", keys: ["type", "components", "trainable"])
      type = try map.choice("type", types)
      if type != "gaussian_mixture" {
        try map.refuse(["components", "trainable"], besides: [], "does not apply to prior \(type)")
      }
      options = map
    } else {
      type = try choice("prior", types, default: type)
    }
    switch type {
    case "learned_normal": return .learnedNormal
    case "gaussian_mixture":
      guard let options else {
        throw error("prior", "needs a number of components: prior: {type: gaussian_mixture, components: 10}")
      }
      return .gaussianMixture(
        components: try options.count("components", in: 1...65536), trainable: try options.flag("trainable", default: true))
    default: return .standardNormal
    }
  }
}
