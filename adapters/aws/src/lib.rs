//! The parts of AWS beside the store: bus, queues, mail, files, accounts, text messages.
