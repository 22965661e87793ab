/// Linear, ReLU, `layers` x [Linear, ReLU], Linear, for tables and embeddings.
public struct MLP: CouplingNetwork {
  /// Width of the hidden layers.
  public var hidden: Int
  /// Hidden layers after the first.
  public var layers: Int
  /// Probability, below 1, with which training drops each number after the first ReLU. Scoring drops none.
  public var dropout: Double

  /// A network of linear layers.
  public init(hidden: Int, layers: Int, dropout: Double = 0) {
    self.hidden = hidden
    self.layers = layers
    self.dropout = dropout
  }

  public var asCouplingNet: CouplingNet { .mlp(self) }

  var json: JSONText {
    var members: [(String, JSONText)] = [
      ("type", .string("mlp")), ("hidden", .integer(hidden)), ("layers", .integer(layers)),
    ]
    if dropout != 0 { members.append(("dropout", .number(dropout))) }
    return .object(members)
  }
}
