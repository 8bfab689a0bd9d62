/// What a process finds in its environment.
package struct EnvironmentSpec: Equatable, Sendable {
    /// What comes from procstar's own environment.
    package enum Inheritance: Equatable, Sendable {
        case all
        case none
        /// These names, where procstar has them.
        case only([String])
    }

    /// A variable to set, or with a nil value to remove.
    package struct Variable: Equatable, Sendable {
        package let name: String
        package let value: String?

        package init(_ name: String, _ value: String?) {
            self.name = name
            self.value = value
        }
    }

    package var inherit: Inheritance
    /// In document order.
    package var vars: [Variable]
    /// Whether results show the environment that the process was given.
    package var report: Bool

    package init(inherit: Inheritance = .all, vars: [Variable] = [], report: Bool = false) {
        self.inherit = inherit
        self.vars = vars
        self.report = report
    }
}
