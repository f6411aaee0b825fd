"""`python -m gateway` is the `postern` command."""

from gateway.cli import main

if __name__ == "__main__":  # the children that read mails import this file anew
    main()
