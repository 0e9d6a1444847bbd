//! The shapes in which money is moved, and what each is called when launderers or honest people move it so.

use super::manner::Intent;

/// The topologies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// Money goes round and comes back.
    Cycle,
    /// Money passes through a chain.
    Layering,
    /// Many pay one, which pays on.
    FanIn,
    /// One splits to many below a limit, they pay one.
    Smurfing,
    /// One pays many within a short time.
    FanOut,
    /// One splits to many, they pay one; no limit is minded.
    ScatterGather,
    /// Many pay one, which pays many others.
    GatherScatter,
    /// Several pay several others, each of them more than one.
    Bipartite,
    /// Bipartite payments one behind the other: the payees of one layer pay the next.
    Stack,
    /// A sum is carried from wallet to wallet, and each pays a small piece to somebody.
    PeelChain,
    /// Equal sums go into a mixing service, later as many come out of it to other wallets.
    Mixer,
    /// One makes many payments to few within an hour or two.
    Burst,
    /// Wallets that slept for weeks wake and are emptied.
    DormantReactivation,
    /// The same sum goes round few wallets again and again.
    WashTrading,
    /// One funds many wallets alike; they do the same thing and pay one.
    Sybil,
    /// Many strangers pay into a pot, which one empties and carries off.
    RugPull,
}

impl Shape {
    /// Every shape, in the order of the type.
    pub const ALL: [Shape; 16] = [
        Shape::Cycle,
        Shape::Layering,
        Shape::FanIn,
        Shape::Smurfing,
        Shape::FanOut,
        Shape::ScatterGather,
        Shape::GatherScatter,
        Shape::Bipartite,
        Shape::Stack,
        Shape::PeelChain,
        Shape::Mixer,
        Shape::Burst,
        Shape::DormantReactivation,
        Shape::WashTrading,
        Shape::Sybil,
        Shape::RugPull,
    ];

    /// The name by which it is asked for.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Cycle => "cycle",
            Shape::Layering => "layering",
            Shape::FanIn => "fan-in",
            Shape::Smurfing => "smurfing",
            Shape::FanOut => "fan-out",
            Shape::ScatterGather => "scatter-gather",
            Shape::GatherScatter => "gather-scatter",
            Shape::Bipartite => "bipartite",
            Shape::Stack => "stack",
            Shape::PeelChain => "peel-chain",
            Shape::Mixer => "mixer",
            Shape::Burst => "burst",
            Shape::DormantReactivation => "dormant-reactivation",
            Shape::WashTrading => "wash-trading",
            Shape::Sybil => "sybil",
            Shape::RugPull => "rug-pull",
        }
    }

    /// The human-readable name of the scheme.
    pub fn pattern_type(self, intent: Intent) -> &'static str {
        let (laundering, innocent) = match self {
            Shape::Cycle => ("Cycle / Round Trip", "Treasury Rotation"),
            Shape::Layering => ("Deep Layering", "Supply Chain Payments"),
            Shape::FanIn => ("Fan-In / Collection Pattern", "Merchant Collection"),
            Shape::Smurfing => ("Smurfing Network", "Shop Takings"),
            Shape::FanOut => ("Rapid Fan-Out", "Payroll Run"),
            Shape::ScatterGather => ("Scatter-Gather", "Group Booking"),
            Shape::GatherScatter => ("Gather-Scatter", "Savings Club"),
            Shape::Bipartite => ("Bipartite Dispersal", "Supplier Invoices"),
            Shape::Stack => ("Stacked Bipartite Layers", "Distribution Chain"),
            Shape::PeelChain => ("Classic Peel Chain", "Change Address Spending"),
            Shape::Mixer => ("Mixer Emulation", "Private Savings"),
            Shape::Burst => ("Temporal Burst (Fan-Out)", "Prize Draw"),
            Shape::DormantReactivation => ("Dormant Wallet Activation", "Matured Savings"),
            Shape::WashTrading => ("Wash Trading", "Liquidity Balancing"),
            Shape::Sybil => ("Sybil Network (Airdrop Farming)", "Voucher Programme"),
            Shape::RugPull => ("Rug Pull", "Crowdfunding"),
        };
        match intent {
            Intent::Laundering => laundering,
            Intent::Innocent => innocent,
        }
    }
}

/// Whether a ground-truth role of this simulator is a launderer's.
pub fn is_malicious(role: &str) -> bool {
    MALICIOUS.contains(&role)
}

const MALICIOUS: [&str; 37] = [
    "activation_hop",
    "attacker",
    "bipartite_dest",
    "bipartite_source",
    "burst_payee",
    "burst_payer",
    "cycle_node",
    "dormant_exit",
    "dormant_wallet",
    "gather_dest",
    "gather_scatter_hub",
    "gather_source",
    "layering_dest",
    "layering_hop",
    "layering_source",
    "mixer_depositor",
    "mixer_recipient",
    "mule",
    "peel_destination",
    "rug_contract",
    "rug_developer",
    "rug_exit",
    "rug_marketing",
    "scatter_dest",
    "scatter_mule",
    "scatter_source",
    "smurfing_aggregator",
    "smurfing_exit",
    "smurfing_mule",
    "smurfing_source",
    "stack_dest",
    "stack_hop",
    "stack_source",
    "sybil_collector",
    "sybil_funder",
    "sybil_wallet",
    "wash_trading_wallet",
];
