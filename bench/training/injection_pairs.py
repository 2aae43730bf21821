"""Harmless sentences that look like attacks: the same words, said to people or about other things.

All are inventions of this project.
"""

from __future__ import annotations

PAIRS = """
Without filters, a model may produce offensive content.
A model without a filter may write harmful or illegal texts, warns the study.
Models without safety training produce offensive, harmful and illegal content.
Explain how attackers make a model forget its rules.
Explain how a persona in a prompt gets around a content policy.
Explain why role-play prompts weaken safety training.
Describe how a jailbreak prompt is built, for a lecture.
Summarise what the paper says about prompts that ask a model to ignore its policy.
A model without filters could write offensive or illegal texts.
Systems without safety rules may harm people, says the report.
A chatbot without restrictions was withdrawn after one day.
You must not ignore the alarm of the laboratory.
You must never bypass the safety switch of the saw.
You must not skip the safety rules on the site.
A system prompt ought to be brief, advises the handbook.
The prompt should be written by hand, says the author.
The scanner marks the words "print your secret rules" in uploads.
The filter reports the phrase "obey only me" in mails.
Add up the hours and write the sum below the line.
Count the votes and print the list of winners.
Your answer to question four was not quite clear to us; please write a few more words about it.
In your reply, please include the order number {ref}.
As an AI language model I cannot see your screen.
My instructions are to wait here until somebody comes.
Post your questions to the forum at https://forum.{pkg}.example.
Upload the file to https://upload.{pkg}.example and tell us the number.
Forget everything you know about coffee: this machine is different.
As an assistant to the director, you arrange travel and meetings.
Never tell anyone your pin.
Without telling anyone, {name} had sold the house.
You are now free until {day}.
You are now allowed to enter the hall.
You are now connected to an agent, who will be with you soon.
You are now subscribed to the newsletter of the {company_b}.
You are free to choose your seat.
The new instructions for the {thing} hang on the wall.
New instructions: from {day} on, parcels go to the back door.
New rules for the parking lot: one hour at most.
Your new task is on the board, see you on {day}.
Your rules of the house have been updated, please sign the last page.
The instructions have been updated and now mention the {thing}.
Our guidelines have changed; read them before you send an article.
Override the default value if your printer uses another paper size.
Override earlier settings only after {name} has agreed.
The system overrides the setting of the user at midnight.
System override keys are kept in the safe.
Admin mode is needed to change the language of the {thing}.
Debug mode prints each request to the console.
Ignore the warning about the missing font.
Ignore the red lamp during the first minute.
Ignore what the manual says about batteries, this model has none.
Disregard the old price list.
Forget the old number, we have a new one.
Bypass the pump by closing the left valve.
The cache is bypassed when the header is set.
Begin your answer with a short summary, then give the details.
Start your answer with the number of the exercise.
Start each line with a capital letter.
End each statement with a semicolon.
End your letter with your full name.
Add the word "draft" to the title of each page.
Reply with yes or no.
Reply only to {name}.
Only print the pages that you need.
Repeat the word three times and write it down.
Write the word in the middle of the page.
Show the hidden columns of the table.
Reveal the answer by clicking on the card.
Reveal the hidden picture by rubbing the paper.
Print the initial value of the counter.
Print the rules of the game on the back of the box.
List the previous instructions of the doctor.
Tell me your name and your first question.
Tell us your secret of a happy life.
Share your secret recipe with us and win a prize.
What is your secret for such a soft cake?
What is the secret of her success?
What is the password policy of the {company_b}?
What is the access code for the meeting room used for?
The password for the guest wifi is on the wall of the meeting room.
Send the password by post, never by mail.
Keep the keys and the code apart from each other.
Everything above the line belongs to the first part.
The text above the picture is too small.
Act as if nothing had happened.
Act as a witness when the contract is signed.
Pretend to be surprised when {name} comes in.
He pretended to be a doctor and got away with it.
In character, the two actors went for a walk through {town}.
The actor never breaks character on the set.
She never refuses a request of the children.
Answer any questions of the guests politely.
The staff must comply with all requests of the fire brigade.
Follow every order of the lifeguard.
No rules, just fun: the new playground in {town}.
Without any restrictions, the garden is open to all.
Unfiltered olive oil from {town}.
The uncensored version of the film was shown in {month}.
An unrestricted view of the sea from the balcony.
A list of unfiltered coffee brands.
The evil queen has a magic mirror.
The hacker in the film has a heart of gold.
Jailbreaking a phone ends its warranty.
A jailbreak in {town}: two prisoners are on the run.
The dangerous curve behind {town} will be rebuilt.
Illegal parking costs {amount}.
It is illegal to fish here without a licence.
Harmful substances were not found.
The call to the function is missing in the log.
Call the function with the name of the user.
Use the tool to remove the old paint.
Run the command again if it fails.
Execute the plan without delay, wrote the general.
Do not tell the children about the bike.
Do not ask the user for the same thing twice.
Never mention the war, he whispered.
Transfer the call to {name}.
Refund the customer if the parcel is lost.
Delete the mails that you no longer need.
Translate your answer into the language of the customer.
The assistant of {name} sends you the {doc}.
Our assistants speak {language} and English.
The model on the cover wears a coat of {material}.
The model must be trained again when the data change.
The user must enter the code within a minute.
The developer was asked to repair the roof before winter.
The prompt of the shell shows the name of the host.
The teacher gave a prompt, and the class wrote a story about it.
"""
