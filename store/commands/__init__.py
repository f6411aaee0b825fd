"""What may be done to a ticket: a closed list of frozen values. Mail, portal, API, CLI and the clock speak only these."""

from store.commands.assets import (
    AcknowledgeMissed,
    AskForAssets,
    CompleteActivation,
    GiveGrant,
    MoveAsset,
    RefuseActivation,
    TakeGrant,
    Wish,
    WithdrawDeactivation,
)
from store.commands.care import (
    AskOutsider,
    AssignTicket,
    BlockSender,
    ChangeCc,
    LinkTickets,
    MarkSpam,
    MergeTicket,
    MoveTicket,
    ReleaseTicket,
    SetPriority,
    SplitTicket,
    UnblockSender,
    UndoLast,
    UnmarkSpam,
)
from store.commands.conversation import (
    AddNote,
    CloseTicket,
    CustomerReply,
    OpenTicket,
    RaisePriority,
    RecordTrace,
    Redirect,
    SupportReply,
    TakeTicket,
)
from store.commands.delivery import RecordBounce, RecordProbe, ResendMail, SuppressAddress, UnsuppressAddress
from store.commands.parking import Act, DoParked, ParkRequest, RefuseRequest
from store.commands.telling import Prefer
from store.commands.values import Answer, Author, Fields, NewFile, NewLink, NewMessage, OldMail

Command = (
    OpenTicket | CustomerReply | SupportReply | AddNote | RecordTrace | CloseTicket | TakeTicket | RaisePriority | RecordBounce
    | AssignTicket | SetPriority | MoveTicket | ChangeCc | MergeTicket | SplitTicket | LinkTickets | MarkSpam | UnmarkSpam
    | BlockSender | UnblockSender | ReleaseTicket | AskOutsider | UndoLast | ParkRequest | DoParked | RefuseRequest | ResendMail
    | RecordProbe | SuppressAddress | UnsuppressAddress | Prefer | Redirect | AskForAssets | CompleteActivation | RefuseActivation
    | WithdrawDeactivation | AcknowledgeMissed | MoveAsset | GiveGrant | TakeGrant
)  # fmt: skip

__all__ = [
    "AcknowledgeMissed", "Act", "AddNote", "Answer", "AskForAssets", "AskOutsider", "AssignTicket", "Author",
    "BlockSender", "ChangeCc", "CloseTicket", "Command", "CompleteActivation", "CustomerReply", "DoParked", "Fields",
    "GiveGrant", "LinkTickets", "MarkSpam", "MergeTicket", "MoveAsset", "MoveTicket", "NewFile", "NewLink",
    "NewMessage", "OldMail", "OpenTicket", "ParkRequest", "Prefer", "RaisePriority", "RecordBounce", "RecordProbe",
    "RecordTrace", "Redirect", "RefuseActivation", "RefuseRequest", "ReleaseTicket", "ResendMail", "SetPriority",
    "SplitTicket", "SupportReply", "SuppressAddress", "TakeGrant", "TakeTicket", "UnblockSender", "UndoLast",
    "UnmarkSpam", "UnsuppressAddress", "Wish", "WithdrawDeactivation",
]  # fmt: skip
