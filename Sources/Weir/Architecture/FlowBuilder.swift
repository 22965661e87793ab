/// Collects the steps of a flow in the order they are written: parts, steps, couplings, `for`, `if`, `switch` and arrays of them.
@resultBuilder
public enum FlowBuilder {
  /// A part: a step, a coupling, a scaling, several steps under one name.
  public static func buildExpression(_ part: some FlowPart) -> [FlowStep] { part.steps }
  /// An array of parts.
  public static func buildExpression(_ parts: [some FlowPart]) -> [FlowStep] { parts.flatMap(\.steps) }
  /// Lines, one after the other.
  public static func buildBlock(_ parts: [FlowStep]...) -> [FlowStep] { parts.flatMap { $0 } }
  /// `for`
  public static func buildArray(_ parts: [[FlowStep]]) -> [FlowStep] { parts.flatMap { $0 } }
  /// `if` without `else`
  public static func buildOptional(_ part: [FlowStep]?) -> [FlowStep] { part ?? [] }
  /// `if` and the cases of `switch`
  public static func buildEither(first part: [FlowStep]) -> [FlowStep] { part }
  /// `else` and the cases of `switch`
  public static func buildEither(second part: [FlowStep]) -> [FlowStep] { part }
  /// `if #available`
  public static func buildLimitedAvailability(_ part: [FlowStep]) -> [FlowStep] { part }
}

/// One or more steps of a flow, for the closure of ``FlowSpec/init(image:levels:prior:steps:)``.
public protocol FlowPart {
  /// The steps, data to latent.
  var steps: [FlowStep] { get }
}

extension FlowStep: FlowPart {
  public var steps: [FlowStep] { [self] }
}

extension Coupling: FlowPart {
  public var steps: [FlowStep] { [.coupling(self)] }
}
