"""One of each kind of thing that edgenas finds in other packages."""
