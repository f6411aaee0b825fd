"""What may be done to a ticket: a closed list of frozen values. Mail, portal, API, CLI and the clock speak only these."""

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
    | RecordProbe | SuppressAddress | UnsuppressAddress | Prefer | Redirect
)  # fmt: skip

__all__ = [
    "Act", "AddNote", "Answer", "AskOutsider", "AssignTicket", "Author", "BlockSender", "ChangeCc", "CloseTicket",
    "Command", "CustomerReply", "DoParked", "Fields", "LinkTickets", "MarkSpam", "MergeTicket", "MoveTicket",
    "NewFile", "NewLink", "NewMessage", "OldMail", "OpenTicket", "ParkRequest", "Prefer", "RaisePriority", "RecordBounce", "RecordProbe",
    "RecordTrace",
    "Redirect", "RefuseRequest", "ReleaseTicket", "ResendMail", "SetPriority", "SplitTicket", "SupportReply", "SuppressAddress",
    "TakeTicket", "UnblockSender", "UndoLast", "UnmarkSpam", "UnsuppressAddress",
]  # fmt: skip
