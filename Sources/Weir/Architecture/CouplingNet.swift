/// The network of a coupling layer, the st-network: from the part that passes it computes scale and shift of the part that changes.
/// Weights are the paper's (Kirichenko et al. 2020): see each network's own type.
public enum CouplingNet: Sendable, Hashable {
  /// A residual network, for images.
  case resnet(ResNet)
  /// Convolutions without activations, for images.
  case convnet(ConvNet)
  /// Glow's three convolutions, for images.
  case glow(GlowNet)
  /// A highway network, for images.
  case highway(Highway)
  /// An encoder and a decoder with a bottleneck between them, for images.
  case autoencoder(Autoencoder)
  /// Linear layers, for tables and embeddings.
  case mlp(MLP)

  /// Linear, ReLU, `layers` x [Linear, ReLU], Linear, for tables and embeddings.
  public static func mlp(hidden: Int, layers: Int, dropout: Double = 0) -> CouplingNet {
    .mlp(MLP(hidden: hidden, layers: layers, dropout: dropout))
  }

  var json: JSONText {
    switch self {
    case .resnet(let net): net.json
    case .convnet(let net): net.json
    case .glow(let net): net.json
    case .highway(let net): net.json
    case .autoencoder(let net): net.json
    case .mlp(let net): net.json
    }
  }
}

/// What can be the network of a coupling: each network's own type, or a ``CouplingNet``.
public protocol CouplingNetwork: Sendable, Hashable {
  /// The network as one of the engine's.
  var asCouplingNet: CouplingNet { get }

  /// This network as it is used under `mask`.
  func under(_ mask: CouplingMask) -> Self

  /// This network with twice the channels, for the maps after a squeeze: they have four times as many. Networks without a number of
  /// channels stay as they are, autoencoders too.
  func doubled() -> Self
}

extension CouplingNetwork {
  public func under(_ mask: CouplingMask) -> Self { self }
  public func doubled() -> Self { self }
}

extension CouplingNet: CouplingNetwork {
  public var asCouplingNet: CouplingNet { self }

  /// This network as it is used under `mask`: a residual network gets its `inputScale`.
  public func under(_ mask: CouplingMask) -> CouplingNet {
    if case .resnet(let net) = self { .resnet(net.under(mask)) } else { self }
  }

  public func doubled() -> CouplingNet {
    switch self {
    case .resnet(let net): .resnet(net.doubled())
    case .convnet(let net): .convnet(net.doubled())
    case .glow(let net): .glow(net.doubled())
    case .highway(let net): .highway(net.doubled())
    case .autoencoder, .mlp: self
    }
  }
}
