CREATE TABLE "school_contacts" (
	"school_code" text NOT NULL,
	"subject" text NOT NULL,
	"desk" text NOT NULL,
	"desk_en" text NOT NULL,
	"phone" text NOT NULL,
	"extension" text NOT NULL,
	CONSTRAINT "school_contacts_pk" PRIMARY KEY("school_code","subject")
);
--> statement-breakpoint
ALTER TABLE "school_contacts" ADD CONSTRAINT "school_contacts_school_code_schools_code_fk" FOREIGN KEY ("school_code") REFERENCES "public"."schools"("code") ON DELETE no action ON UPDATE no action;